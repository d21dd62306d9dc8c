"""How the made benchmark is made and trained on: small enough for 40 trainings within an hour on two cores."""

from dataclasses import dataclass, fields, replace

from gsgmodel.datasets.augment import Augmentation
from gsgmodel.model.config import GSGConfig
from gsgmodel.training.settings import TrainSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeSizes:
    """How much is made."""

    portrait_videos: int
    """Videos of the moving portraits; real footage comes beside them."""
    seconds: float
    """Of each piece."""
    segments: int
    """Most pieces of a video of real footage."""
    long_side_px: int
    clips_per_video: int
    """Of a second each: long enough for frames in another order to be seen, short enough for nobody to move far."""
    pretext_steps: int
    epochs: int


MADE, OTHERS = "made", "other-forgeries"
"""Names of made data sets."""
USUAL = MadeSizes(
    portrait_videos=24, seconds=4.0, segments=4, long_side_px=320, clips_per_video=4, pretext_steps=500, epochs=7
)
SMALL = MadeSizes(
    portrait_videos=12, seconds=1.0, segments=1, long_side_px=256, clips_per_video=1, pretext_steps=10, epochs=1
)
CROP_SIZE_PX = 112
FRAMES_PER_CLIP = 6
"""Of a second: frames in another order are seen in as few, and twice as many clips are learned from."""
WINDOW_S = 1.0
TRAINING = TrainSettings(
    # At half the size of a crop, layer3 is the 7x7 map that patches of the paper are taken from.
    architecture=GSGConfig(backbone="tiny", local_from="layer3", hidden=128, layer_norm=True, rgb_patch_px=32),
    batch_clips=8,
    lr=0.02,
    backbone_lr=0.005,
    warmup_epochs=0.5,
    # Gradients of what is easy are large at first and drown those of the patch kind: of two seeds the AUC over all
    # kinds rose from 0.754 to 0.771.
    clip_norm=5.0,
    # Few clips of few people: only in pairs do they tell in time what is forged from who is filmed.
    pairs=True,
    # Compression and colours are what is to be seen.
    augmentation=Augmentation(jpeg=0.0, h264=0.0, blur=0.0, noiseful=0.0, resized=0.0, colour=0.0),
    # A validation split of a few people chooses at random.
    keep="last",
)
"""What all rows share on made data, where the command line does not say otherwise."""


def made_settings(given: TrainSettings, *, sizes: MadeSizes, backbone_weights: str) -> TrainSettings:
    """The settings for made data; what was set to something else than its usual value stays.

    Args:
        given: As parsed.
        sizes: Tell how long is trained.
        backbone_weights: The file that all rows start from.
    """
    usual = TrainSettings(output=given.output)
    own = {field.name: getattr(given, field.name) for field in fields(given)}
    kept = {name: value for name, value in own.items() if value != getattr(usual, name)}
    chosen, plain = kept.pop("architecture", usual.architecture), GSGConfig()
    parts = {field.name: getattr(chosen, field.name) for field in fields(chosen)}
    architecture = replace(
        TRAINING.architecture, **{name: value for name, value in parts.items() if value != getattr(plain, name)}
    )
    ours = {"output": given.output, "epochs": sizes.epochs, "backbone_weights": backbone_weights}
    return replace(TRAINING, **{**ours, **kept, "architecture": architecture})

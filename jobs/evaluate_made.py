"""Made data for the tables: footage, three kinds of forgery of it, a clip store, and a backbone to start from."""

import json
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import cache
from pathlib import Path
from statistics import mean

from gsgmodel.datasets.forge_kinds import KINDS
from gsgmodel.datasets.forge_methods import METHODS
from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.made import (
    CROP_SIZE_PX,
    FRAMES_PER_CLIP,
    MADE,
    OTHERS,
    SMALL,
    USUAL,
    WINDOW_S,
    MadeSizes,
    made_settings,
)
from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings
from jobs.terminal import say

SEED = 0


def make_data(options: TableSettings, settings: TrainSettings) -> tuple[int, str, TrainSettings]:
    """Make what is missing below the output; the exit code, the clip store, and the settings of its trainings.

    Args:
        options: How much, and which footage.
        settings: As parsed.
    """
    sizes = sizes_of(options)
    code, store = _made(options, settings, MADE, KINDS)
    weights = store.parent / "backbone.safetensors"
    made = made_settings(settings, sizes=sizes, backbone_weights=str(weights))
    if code == 0 and not weights.exists():
        make_backbone(store, weights, made, steps=sizes.pretext_steps)
    return code, str(store), made


def make_others(options: TableSettings, settings: TrainSettings) -> tuple[int, str]:
    """Make the same people forged in other ways, to test on; the exit code and the clip store.

    Args:
        options: How much, and which footage.
        settings: As parsed.
    """
    code, store = _made(options, settings, OTHERS, METHODS)
    return code, str(store)


def sizes_of(options: TableSettings) -> MadeSizes:
    """How much is made."""
    return SMALL if options.small else USUAL


def _made(options: TableSettings, settings: TrainSettings, name: str, methods: Sequence[str]) -> tuple[int, Path]:
    sizes = sizes_of(options)
    folder = Path(settings.output).absolute() / (f"{name}-small" if options.small else name)
    folder.mkdir(parents=True, exist_ok=True)
    _check_same(folder / "made.json", {"footage": sorted(options.footage), "kinds": methods, **asdict(sizes)})
    # Tables alone go to standard output.
    with redirect_stdout(sys.stderr):
        return _make_clips(folder, sizes, options.footage, methods), folder / "clips"


def _check_same(note: Path, wanted: dict[str, object]) -> None:
    """Make sure that what lies there was made in the same way.

    Raises:
        ConfigError: It was not.
    """
    text = json.dumps(wanted)
    if note.exists() and note.read_text() != text:
        raise ConfigError(
            f"{note.parent} holds data that was made of other footage or in another way; accepted: another --output"
        )
    note.write_text(text)


def _make_clips(folder: Path, sizes: MadeSizes, footage: tuple[str, ...], methods: Sequence[str]) -> int:
    from gsgmodel.datasets.footage import ForgeSettings
    from gsgmodel.datasets.made_footage import make_footage
    from gsgmodel.scan.settings import PrepareSettings
    from jobs.forge import main as forge
    from jobs.prepare import prepare_archive

    manifest = folder / "forged" / "manifest.csv"
    if not manifest.exists():
        say([f"making footage of {sizes.portrait_videos} portraits, and forging it"])
        portraits = folder / "portraits"
        make_footage(
            portraits, num_videos=sizes.portrait_videos, seconds=sizes.seconds, size_px=sizes.long_side_px, seed=SEED
        )
        kinds = ForgeSettings(
            methods=",".join(methods),
            fakes_per_real=len(methods),
            seconds=sizes.seconds,
            segments=sizes.segments,
            long_side_px=sizes.long_side_px,
            val_share=0.15,
            test_share=0.3,
            seed=SEED,
        )
        forge(str(portraits), *footage, output=manifest.parent, identities=_names(portraits, footage), settings=kinds)
    prepared = prepare_archive(
        (str(manifest),),
        PrepareSettings(
            output=str(folder / "clips"),
            boxes_from="original",
            window_s=WINDOW_S,
            max_clips=sizes.clips_per_video,
            frames_per_clip=FRAMES_PER_CLIP,
            crop_size_px=CROP_SIZE_PX,
        ),
    )
    return prepared.exit_code if prepared else 0


def _names(portraits: Path, footage: tuple[str, ...]) -> Path | None:
    """Who is in the portraits' videos, so that splits do not depend on where they lie; of footage nobody knows."""
    if footage:
        return None
    path = portraits / "identities.csv"
    videos = sorted(portraits.glob("*.mp4"))
    path.write_text("\n".join(["path,identity", *(f"{video.name},{video.stem}" for video in videos), ""]))
    return path


def make_backbone(store_uri: Path, path: Path, settings: TrainSettings, *, steps: int) -> None:
    """Let a backbone learn distortions of the real training clips.

    Args:
        store_uri: Of the clips.
        path: Of the weights.
        settings: Say whose backbone it is.
        steps: Of 64 pictures.
    """
    from gsgmodel.clips.store import ClipStore
    from gsgmodel.training.pretext import learn_distortions, real_training_clips

    store = ClipStore.open(str(store_uri))
    clips = real_training_clips(store)
    say([f"the backbone of {settings.model} learns {steps} steps of distortions, to start from"])
    # They are few, and each is asked for hundreds of times.
    weights, losses = learn_distortions(
        cache(store.read_crops), clips, architecture=settings.network, steps=steps, seed=SEED
    )
    say([f"its loss fell from {mean(losses[:10]):.3f} to {mean(losses[-10:]):.3f}"])
    arriving = path.with_name(f".partial-{path.name}")
    arriving.write_bytes(weights)
    arriving.replace(path)

"""Settings for made data."""

from dataclasses import replace

import pytest

from gsgmodel.evaluation.ablations import ROWS, settings_of_row
from gsgmodel.evaluation.made import CROP_SIZE_PX, SMALL, TRAINING, USUAL, made_settings
from gsgmodel.model.config import GSGConfig, check_crop_size
from gsgmodel.training.settings import TrainSettings


def made(**changes):
    return made_settings(TrainSettings(output="out", **changes), sizes=USUAL, backbone_weights="b.safetensors")


def test_what_was_not_set_is_that_of_made_data():
    settings = made()
    assert settings == replace(TRAINING, output="out", epochs=USUAL.epochs, backbone_weights="b.safetensors")
    assert settings.architecture.backbone == "tiny"


def test_what_was_set_stays():
    settings = made(epochs=3, lr=0.5, device="cpu", architecture=GSGConfig(layers=1))
    assert (settings.epochs, settings.lr, settings.device) == (3, 0.5, "cpu")
    assert settings.architecture == replace(TRAINING.architecture, layers=1)
    assert settings.batch_clips == TRAINING.batch_clips


@pytest.mark.parametrize("table", list(ROWS))
def test_made_crops_are_large_enough_for_every_row(table):
    for row in ROWS[table]:
        settings = settings_of_row(row, made(), output="x")
        check_crop_size(settings.architecture, size_px=CROP_SIZE_PX)


def test_small_is_less_of_everything():
    assert SMALL.portrait_videos < USUAL.portrait_videos
    assert SMALL.epochs < USUAL.epochs
    assert SMALL.pretext_steps < USUAL.pretext_steps

from dataclasses import replace

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.objective import Objective
from gsgmodel.model.system import ALONE
from gsgmodel.training.settings import TrainSettings, worker_range


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs": 0}, "--epochs is 0; accepted: 1 or more"),
        ({"batch_clips": 0}, "--batch-clips is 0"),
        ({"micro_clips": 0}, "--micro-clips is 0"),
        ({"step_epochs": 0}, "--step-epochs is 0"),
        ({"lr": 0.0}, "--lr is 0.0; accepted: a number above 0"),
        ({"lr": float("nan")}, "--lr is nan"),
        ({"backbone_lr": float("inf")}, "--backbone-lr is inf"),
        ({"weight_decay": -1.0}, "--weight-decay is -1.0; accepted: 0 or more"),
        ({"warmup_epochs": float("inf")}, "--warmup-epochs is inf"),
        ({"clip_norm": 0.0}, "--clip-norm is 0.0; accepted: a number above 0"),
        (
            {"pairs": True, "balance": False},
            "--pairs wants --balance, and --batch-clips and --micro-clips that are even",
        ),
        ({"pairs": True, "batch_clips": 5}, "--pairs wants --balance"),
        ({"momentum": 1.0}, "--momentum is 1.0; accepted: 0 to less than 1"),
        ({"checkpoint_minutes": 0.0}, "--checkpoint-minutes is 0.0"),
        ({"max_failures": -1}, "--max-failures is -1"),
        ({"seed": -1}, "--seed is -1"),
        ({"workers": "many"}, "--workers is 'many'; accepted: a number such as 4, or MIN:MAX such as 2:8"),
        ({"workers": "4:2"}, "--workers is '4:2'"),
        ({"workers": "0"}, "--workers is '0'"),
        ({"workers": "17"}, "--workers is 17; accepted: at most --batch-clips, 16"),
        ({"s3_endpoint": "nowhere"}, "--s3-endpoint"),
        ({"start_timeout": "soon"}, "--start-timeout is 'soon'; accepted: a duration such as 10m or 1h"),
    ],
)
def test_what_cannot_work_names_the_setting_its_value_and_what_is_accepted(changes, message):
    with pytest.raises(ConfigError, match=message):
        TrainSettings(**changes)


def test_the_defaults_are_the_papers():
    settings = TrainSettings()
    assert (settings.architecture.backbone, settings.architecture.num_selected) == ("resnet34", 5)
    assert (settings.objective.cross_entropy, settings.objective.guide_weight) == ("sum", 1.0)
    assert settings.backbone_weights == "imagenet"


def test_workers_are_a_number_or_a_range():
    assert worker_range(" 3 ") == (3, 3)
    assert worker_range("1:16") == (1, 16)


def test_a_system_has_its_own_network_objective_start_and_name():
    settings = TrainSettings(model="mesonet", option=("crop_size_px=128",))
    assert settings.network.to_dict() == {"model": "mesonet", "frames_per_clip": 12, "crop_size_px": 128}
    assert settings.minimised == ALONE
    assert (settings.start, settings.registered_name) == ("none", "mesonet")
    assert replace(settings, backbone_weights="w.safetensors", name="mine").start == "w.safetensors"
    assert replace(settings, name="mine").registered_name == "mine"


def test_the_papers_system_is_the_default():
    settings = TrainSettings()
    assert settings.network is settings.architecture
    assert settings.minimised is settings.objective
    assert (settings.start, settings.registered_name) == ("imagenet", "gsg")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "mesonett"}, "--model is 'mesonett'; accepted: gsg, mesonet"),
        ({"model": "mesonet", "option": ("depth=3",)}, "unknown keys depth"),
        ({"model": "mesonet", "architecture": GSGConfig(layers=1)}, "settings of the paper's network"),
        ({"model": "mesonet", "objective": Objective(guide_weight=0.5)}, "of the paper's two streams"),
        ({"option": ("crop_size_px=128",)}, "--option crop_size_px is of another --model"),
    ],
)
def test_what_a_system_does_not_have_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        TrainSettings(**changes)

import json
from dataclasses import asdict, replace

import pytest

from gsgmodel.datasets.augment import Augmentation
from gsgmodel.errors import ConfigError
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.objective import Objective
from gsgmodel.records import Preparation
from gsgmodel.training.opening import BEGUN, check_clips, check_training, make_job, open_training, settings_of
from tests.scan.test_notify import listening
from tests.small_store import make_store
from tests.small_training import make_settings

SMALL = Preparation(frames_per_clip=2, crop_size_px=64)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("store") / "clips")


def settings_for(tmp_path, **changes):
    return make_settings(output=str(tmp_path / "out"), tracking_uri="none", **changes)


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"train": 4, "val": 4}, r"no real clip in its split 'test' \(train 4, val 4, test 0\)"),
        ({"train": 4, "val": 1, "test": 4}, "no fake clip in its split 'val'"),
        ({}, "no real clip in its split 'train'"),
    ],
)
def test_a_split_or_class_that_is_missing_is_one_sentence(tmp_path, splits, message):
    small = make_store(tmp_path / "clips", splits=splits or {"val": 2, "test": 2}, preparation=SMALL)
    with pytest.raises(ConfigError, match=message):
        check_clips(small, preparation=SMALL)


def test_clips_of_another_preparation_are_refused(tmp_path):
    other = make_store(tmp_path / "clips", preparation=replace(SMALL, crop_scale=1.5))
    message = r"the clip store was made with another preparation: crop_scale 1.5 \(here 1.3\)"
    with pytest.raises(ConfigError, match=message):
        check_clips(other)


def test_crops_too_small_for_the_architecture_are_found_before_a_run_is_made(tmp_path):
    make_store(tmp_path / "clips", preparation=replace(SMALL, crop_size_px=64))
    settings = settings_for(tmp_path, architecture=GSGConfig(backbone="tiny"))
    with (
        pytest.raises(ConfigError, match="crops of 64 px have 1 patches on layer4"),
        open_training(str(tmp_path / "clips"), settings),
    ):
        pass
    assert not (tmp_path / "out").exists()


def test_where_results_cannot_go_is_found_before_anything_else(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--output .* cannot be written"):
        check_training("clips", make_settings(output=str(tmp_path / "file")))


def test_in_a_submitted_job_a_relative_place_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps({"metadata": {"job_submission_id": "s"}}))
    with pytest.raises(ConfigError, match="input 'clips' is relative"):
        check_training("clips", make_settings(output=str(tmp_path), tracking_uri="none"))
    with pytest.raises(ConfigError, match="MLflow's address is missing"):
        check_training("/clips", make_settings(output=str(tmp_path)))


def test_a_run_notes_what_it_began_with(store, tmp_path):
    settings = settings_for(tmp_path, epochs=7)
    with open_training(store.uri, settings) as training:
        assert training.clips_by_split == {"train": 8, "val": 6, "test": 6}
        assert training.num_train == 8
        begun = json.loads((training.run_folder.path / BEGUN).read_text())
        assert begun["data_digest"] == store.digest
        assert settings_of(begun["settings"]) == settings
        assert training.run_folder.settings_path.is_file()
        training.run_folder.write_summary({})


def test_a_run_goes_on_with_its_own_settings_and_those_of_the_new_start(store, tmp_path):
    with open_training(store.uri, settings_for(tmp_path, epochs=7, seed=3)) as first:
        first.run_folder.write_summary({})
    again = settings_for(tmp_path, resume=first.run_id, workers="2", epochs=99)
    with open_training(store.uri, again) as training:
        assert (training.settings.epochs, training.settings.seed) == (7, 3)
        assert (training.settings.workers, training.run_id) == ("2", first.run_id)
        training.run_folder.write_summary({})


def test_a_run_that_is_not_there_or_had_other_clips_is_one_sentence(store, tmp_path):
    with pytest.raises(ConfigError, match="--resume is 'nowhere', and there is no such run"):
        open_training(store.uri, settings_for(tmp_path, resume="nowhere")).__enter__()
    with open_training(store.uri, settings_for(tmp_path)) as first:
        first.run_folder.write_summary({})
    other = make_store(tmp_path / "other", splits={"train": 10, "val": 6, "test": 6})
    with pytest.raises(ConfigError, match="the clip store has changed since that run began"):
        open_training(other.uri, settings_for(tmp_path, resume=first.run_id)).__enter__()


def test_a_training_that_an_error_ends_has_a_summary(store, tmp_path):
    with pytest.raises(ConfigError, match="no room"), open_training(store.uri, settings_for(tmp_path)) as training:
        raise ConfigError("no room")
    summary = json.loads(training.run_folder.summary_path.read_text())
    assert (summary["exit_code"], summary["reason"]) == (2, "no room")


def test_whoever_waits_is_told_of_an_error_and_the_address_is_kept_nowhere(store, tmp_path):
    with (
        listening(200) as (url, heard),
        pytest.raises(ConfigError),
        open_training(store.uri, settings_for(tmp_path, notify=f"{url}/SECRET")) as training,
    ):
        raise ConfigError("no room")
    ((path, _, content),) = heard
    assert (path, content["text"]) == (
        "/SECRET",
        f"training {training.run_id} ended with exit code 2 (no room)",
    )
    kept = b"".join(path.read_bytes() for path in training.run_folder.path.rglob("*") if path.is_file())
    assert b"SECRET" not in kept
    again = settings_for(tmp_path, resume=training.run_id, notify=f"{url}/OTHER")
    with open_training(store.uri, again) as training:
        assert training.settings.notify == f"{url}/OTHER"
        training.run_folder.write_summary({})


def test_settings_survive_json():
    settings = make_settings(
        augmentation=Augmentation(jpeg_quality=(10, 20)), objective=Objective(guide_weight=0.5), seed=9
    )
    assert settings_of(json.loads(json.dumps(asdict(settings)))) == settings


def test_what_is_gone_on_with_needs_no_backbone_weights(store, tmp_path):
    with open_training(store.uri, settings_for(tmp_path)) as training:
        wanted = replace(training.settings, backbone_weights="imagenet")
        with pytest.raises(ConfigError, match="nobody has trained backbone 'tiny' on it"):
            make_job(replace(training, settings=wanted))
        assert make_job(replace(training, settings=replace(wanted, resume="x"))).weights
        training.run_folder.write_summary({})

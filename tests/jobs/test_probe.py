"""The command that says what gives labels away."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from gsgmodel.records import Preparation
from jobs.probe import app
from jobs.terminal import run_app
from tests.small_store import make_store

SMALL = Preparation(frames_per_clip=2, crop_size_px=64)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store") / "clips"
    make_store(folder, splits={"train": 12, "val": 20, "test": 20}, preparation=SMALL)
    return str(folder)


def test_each_probe_has_a_line_and_those_above_chance_a_warning(store, capsys):
    assert run_app(app, [store]) == 0
    lines = {line.split(" AUC")[0].strip(): line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == {"codec", "resolution", "colour", "blank face"}
    assert lines["colour"].endswith("above chance: labels can be told by it")
    assert "above chance" not in lines["resolution"]


def test_json_holds_the_same(store, capsys):
    assert run_app(app, [store, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["colour"]["auc"] > 0.9
    assert found["colour"]["interval"]["low"] > 0.5


def test_too_few_videos_are_said(tmp_path, capsys):
    make_store(tmp_path / "few", splits={"train": 2, "val": 2, "test": 2}, preparation=SMALL)
    assert run_app(app, [str(tmp_path / "few")]) == 0
    assert capsys.readouterr().out.count("too few videos") == 4


def test_what_is_no_store_is_said(tmp_path, capsys):
    assert run_app(app, [str(tmp_path)]) == 2
    assert "gsg probe: " in capsys.readouterr().err


def test_a_manifest_is_prepared_first_and_nothing_is_kept(monkeypatch, capsys):
    prepared = []

    def prepare(manifests, settings):
        prepared.append((manifests, settings.max_clips, settings.output))
        make_store(settings.output, splits={"train": 12, "val": 20, "test": 20}, preparation=SMALL)
        return SimpleNamespace(exit_code=0)

    monkeypatch.setattr("jobs.prepare.prepare_archive", prepare)
    assert run_app(app, ["labels.csv"]) == 0
    assert "colour      AUC" in capsys.readouterr().out
    ((manifests, max_clips, output),) = prepared
    assert (manifests, max_clips) == (("labels.csv",), 1)
    assert not Path(output).exists()


def test_a_manifest_that_cannot_be_prepared_ends_with_that_code(monkeypatch, capsys):
    monkeypatch.setattr("jobs.prepare.prepare_archive", lambda *_: SimpleNamespace(exit_code=130))
    assert run_app(app, ["labels.parquet"]) == 130
    assert capsys.readouterr().out == ""

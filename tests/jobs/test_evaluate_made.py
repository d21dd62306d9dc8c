"""Made data for the tables."""

import json
from types import SimpleNamespace

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.training.settings import TrainSettings
from jobs import evaluate_made as module
from jobs.evaluate import app
from jobs.evaluate_made import make_data
from jobs.terminal import run_app


@pytest.fixture
def played(monkeypatch):
    """Clips and a backbone that are made at once."""
    noted = SimpleNamespace(clips=[], backbones=0)

    def make_clips(folder, sizes, footage, methods):
        noted.methods = methods
        noted.clips.append((folder.name, sizes.portrait_videos, footage))
        return 0

    def make_backbone(_, path, __, *, steps):
        noted.backbones += 1
        path.write_bytes(str(steps).encode())

    monkeypatch.setattr(module, "_make_clips", make_clips)
    monkeypatch.setattr(module, "make_backbone", make_backbone)
    return noted


def test_data_is_made_below_the_output_and_a_backbone_once(tmp_path, played):
    settings = TrainSettings(output=str(tmp_path))
    for _ in range(2):
        code, store, made = make_data(TableSettings(data="made", footage=("videos/",)), settings)
        assert (code, store) == (0, str(tmp_path / "made" / "clips"))
        assert made.backbone_weights == str(tmp_path / "made" / "backbone.safetensors")
    assert played.clips == [("made", 24, ("videos/",))] * 2
    assert played.backbones == 1


def test_small_data_lies_elsewhere(tmp_path, played):
    make_data(TableSettings(data="made", small=True), TrainSettings(output=str(tmp_path)))
    assert played.clips == [("made-small", 12, ())]


@pytest.mark.usefixtures("played")
def test_data_of_other_footage_is_not_taken_for_this(tmp_path):
    settings = TrainSettings(output=str(tmp_path))
    make_data(TableSettings(data="made"), settings)
    with pytest.raises(ConfigError, match="holds data that was made of other footage or in another way"):
        make_data(TableSettings(data="made", footage=("videos/",)), settings)
    assert json.loads((tmp_path / "made" / "made.json").read_text())["footage"] == []


def test_clips_that_could_not_be_made_end_it(tmp_path, monkeypatch, played):
    monkeypatch.setattr(module, "_make_clips", lambda *_: 130)
    assert make_data(TableSettings(data="made"), TrainSettings(output=str(tmp_path)))[0] == 130
    assert played.backbones == 0


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_the_small_table_is_made_trained_and_printed_from_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    command = ["table3", "--data", "made", "--small", "--output", "out", "--tracking-uri", "none"]
    assert run_app(app, command) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[0] == (
        "| model | paper, ACC on Celeb-DF | ACC on made data | AUC, all | AUC, drift | AUC, patch | AUC, tone |"
    )
    assert [line.split(" | ")[0].removeprefix("| ") for line in lines[2:10]] == [
        *("global information", "local information", "w/o feature fusion", "w/o temporal module", "w/o GSG loss"),
        *("w/o score fusion", "RGB patches", "final model"),
    ]
    assert "final model, seed 0: test AUC " in err
    assert (tmp_path / "out" / "table3.png").stat().st_size > 1000

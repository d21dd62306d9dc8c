"""Rows of systems, and made data for them."""

from pathlib import Path

import pytest

from gsgmodel.evaluation import compared
from gsgmodel.evaluation.sets import parse_sets
from gsgmodel.evaluation.settings import TableSettings
from gsgmodel.records import Preparation
from gsgmodel.training.settings import TrainSettings
from jobs import evaluate_made as made
from jobs.evaluate_compared import compared_rows, made_sets
from tests.small_store import make_store

SETTINGS = TrainSettings(backbone_weights="gsg.safetensors")


@pytest.fixture
def taught(monkeypatch):
    """Backbones that are taught at once, noted by system."""
    noted = []

    def make_backbone(_, path, settings, *, steps):
        noted.append((settings.network.to_dict(), steps))
        path.write_bytes(b"weights")

    monkeypatch.setattr(made, "make_backbone", make_backbone)
    return noted


@pytest.fixture
def pairs(tmp_path):
    store = make_store(tmp_path / "clips", preparation=Preparation(frames_per_clip=6, crop_size_px=112))
    return parse_sets([f"made={store.uri}"], known={})


def test_on_made_data_each_system_is_small_and_starts_from_a_backbone_of_its_own(pairs, taught, tmp_path):
    options = TableSettings(data="made", small=True, models="gsg,mesonet,xception")
    for _ in range(2):
        rows = compared_rows(pairs, options, SETTINGS, paper=compared.INTRA)
    assert [row.backbone_weights for row, _ in rows] == [
        "gsg.safetensors",
        *(str(tmp_path / f"backbone-{name}.safetensors") for name in ("mesonet", "xception")),
    ]
    # Each once, for the crops of the store.
    sizes = {"frames_per_clip": 6, "crop_size_px": 112}
    assert taught == [({"model": "mesonet", **sizes}, 10), ({"model": "xception", "width": 0.125, **sizes}, 10)]


def test_on_other_data_systems_are_as_published(pairs, taught):
    rows = compared_rows(pairs, TableSettings(models="mesonet,xception"), SETTINGS, paper=compared.INTRA)
    assert [(row.options, row.backbone_weights) for row, _ in rows] == [({}, None)] * 2
    assert not taught


@pytest.mark.usefixtures("taught")
def test_made_data_to_be_tested_on_is_forged_in_other_ways(tmp_path, monkeypatch):
    noted = []
    monkeypatch.setattr(made, "_make_clips", lambda folder, _, __, methods: noted.append((folder.name, methods)) or 0)
    options, settings = TableSettings(data="made", small=True), TrainSettings(output=str(tmp_path))
    code, sets, chosen = made_sets(options, settings, is_crossed=True)
    assert code == 0
    names, stores = zip(*(each.split("=") for each in sets), strict=True)
    assert names == ("made", "other-forgeries")
    assert [Path(store).parent.name for store in stores] == ["made-small", "other-forgeries-small"]
    assert [name for name, _ in noted] == ["made-small", "other-forgeries-small"]
    assert not set(noted[0][1]) & set(noted[1][1])
    assert chosen.architecture.backbone == "tiny"
    assert len(made_sets(options, settings)[1]) == 1


def test_clips_that_could_not_be_made_end_it(tmp_path, monkeypatch, taught):
    monkeypatch.setattr(made, "_make_clips", lambda *_: 130)
    code, _, _ = made_sets(TableSettings(data="made"), TrainSettings(output=str(tmp_path)), is_crossed=True)
    assert code == 130
    assert not taught

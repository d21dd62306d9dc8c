"""Tables whose rows are data sets, or clips of other lengths."""

from types import SimpleNamespace

import pytest

from jobs import evaluate_sets as module
from jobs.evaluate import app
from jobs.terminal import run_app
from tests.small_model import PREPARATION
from tests.small_store import make_store

TINY = (
    *("--backbone", "tiny", "--backbone-weights", "none", "--hidden", "8", "--layers", "1", "--epochs", "1"),
    *("--num-selected", "2", "--batch-clips", "4", "--no-augment", "--seeds", "1", "--tracking-uri", "none"),
)


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stores")
    splits = {"train": 8, "val": 4, "test": 8}
    return [make_store(folder / name, splits=splits, preparation=PREPARATION).uri for name in ("a", "b")]


@pytest.fixture
def filled(monkeypatch):
    noted = []

    def fill_table(table, rows, stores, options, settings, *, others=()):
        noted.append(
            SimpleNamespace(table=table, rows=rows, stores=stores, options=options, settings=settings, others=others)
        )
        return 0

    monkeypatch.setattr(module, "fill_table", fill_table)
    return noted


@pytest.mark.ray
def test_a_network_is_trained_on_each_set_and_tested_across_them(stores, tmp_path, capsys):
    first, second = stores
    command = ["table1", f"celeb-df={first}", f"mine={second}", "--output", str(tmp_path / "one"), *TINY]
    assert run_app(app, command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| celeb-df | 99.18 | ")
    assert lines[3].startswith("| mine | - | ")
    assert "always saying what most are: 50.0%" in lines[-1]
    command = ["table2", f"ff++={first}", f"dfdc={second}", "--output", str(tmp_path / "two"), *TINY]
    assert run_app(app, command) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].startswith("| dfdc | 69.25 | ")
    assert lines[3] == ""


def test_clips_of_every_length_are_prepared_before_any_is_trained_on(tmp_path, monkeypatch, filled):
    prepared = []

    def prepare(manifests, settings):
        prepared.append((manifests, settings.frames_per_clip, settings.boxes_from))
        return SimpleNamespace(exit_code=0)

    monkeypatch.setattr("jobs.prepare.prepare_archive", prepare)
    command = [
        "table5",
        "a.csv",
        "--output",
        str(tmp_path),
        "--frames",
        "8",
        "--frames",
        "12",
        "--boxes-from",
        "original",
    ]
    assert run_app(app, command) == 0
    assert prepared == [(("a.csv",), 8, "original"), (("a.csv",), 12, "original")]
    assert [row.name for row in filled[0].rows] == ["8 frames", "12 frames"]
    assert filled[0].stores == [str(tmp_path / "clips-8"), str(tmp_path / "clips-12")]


def test_made_data_is_prepared_with_other_lengths_too(tmp_path, monkeypatch, filled):
    prepared = []

    def prepare(manifests, settings):
        prepared.append((manifests, settings.crop_size_px))
        return SimpleNamespace(exit_code=0)

    monkeypatch.setattr("jobs.prepare.prepare_archive", prepare)
    monkeypatch.setattr(
        "jobs.evaluate_made.make_data", lambda _, settings: (0, str(tmp_path / "made" / "clips"), settings)
    )
    assert run_app(app, ["table5", "--data", "made", "--output", str(tmp_path), "--frames", "8"]) == 0
    assert prepared == [((str(tmp_path / "made" / "forged" / "manifest.csv"),), 112)]
    assert len(filled) == 1


def test_a_preparation_that_failed_ends_the_table(tmp_path, monkeypatch, filled):
    monkeypatch.setattr("jobs.prepare.prepare_archive", lambda *_: SimpleNamespace(exit_code=130))
    assert run_app(app, ["table5", "a.csv", "--output", str(tmp_path)]) == 130
    assert not filled


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["table1"], "table1 wants one data set or more, as NAME=STORE"),
        (["table1", "clips/"], "'clips/' names no data set and its clip store"),
        (["table2", "ff++=a"], "table2 wants two data sets or more"),
        (["table1", "a=b", "--data", "made"], "table1 wants one data set or more, as NAME=STORE, or --data made"),
        (["table2", "a=b", "c=d", "--data", "made"], "table2 wants two data sets or more"),
        (["table5", "a.csv", "--models", "all"], "--models is 'all'; accepted: with table1 or table2"),
        (["table3", "clips", "--models", "all"], "--models is 'all'; accepted: with table1 or table2"),
        (["table1", "a=b", "--models", "gsg,no"], "--models is 'gsg,no'; accepted: all, or with commas"),
        (["table5"], "table5 wants manifests, or --data made, and not both"),
        (["table5", "a.csv", "--data", "made"], "table5 wants manifests, or --data made, and not both"),
        (["table1", "a=b", "--output", "s3://b/c"], "a table wants a local folder as --output"),
    ],
)
def test_what_cannot_be_made_is_one_sentence(command, sentence, capsys):
    assert run_app(app, command) == 2
    assert sentence in capsys.readouterr().err

"""The start of a scan: what it is called, where its rows go, and what it refuses."""

import json
import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsgmodel.errors import ConfigError, Status
from gsgmodel.model.config import GSGConfig
from gsgmodel.model.gsg import GSGModel
from gsgmodel.model.settings import ModelSettings
from gsgmodel.model.weights import save_model
from gsgmodel.records import Preparation
from gsgmodel.results.done import DoneIds
from gsgmodel.results.table import VideoTable
from gsgmodel.scan.opening import open_scan, scoring_id
from gsgmodel.scan.run import SHOW_EVERY_S
from gsgmodel.scan.settings import ScanSettings
from gsgmodel.scan.sinks import ListSink, TableSink
from tests.scan.test_notify import listening

TINY = GSGConfig(backbone="tiny", hidden=16, layers=2, num_selected=2, attention_hidden=8)
SCORING = {"model_digest": "d", "preparation": Preparation(), "faces": "all", "window_s": 60.0, "max_clips": 32}


@pytest.fixture(scope="module")
def network():
    return GSGModel(TINY)


@pytest.fixture
def model(tmp_path, network):
    def save(**settings):
        folder = tmp_path / "model"
        save_model(folder, network, ModelSettings(architecture=TINY, **settings))
        return str(folder)

    return save


@pytest.fixture
def opened(tmp_path, model):
    shown = []

    def start(**settings):
        settings.setdefault("output", str(tmp_path / "results"))
        values = settings if "model" in settings else settings | {"model": model()}
        return open_scan(("archive",), ScanSettings(**values), printer=lambda _: shown.append)

    return start


def test_the_scoring_is_named_by_everything_that_moves_scores():
    changes = [
        {"model_digest": "e"},
        {"preparation": Preparation(crop_scale=1.4)},
        {"faces": "largest"},
        {"window_s": 61.0},
        {"max_clips": 31},
    ]
    names = {scoring_id(**(SCORING | change)) for change in [{}, *changes]}
    assert len(names) == 6
    assert all(len(name) == 32 for name in names)


@given(window_s=st.integers(1, 1000))
def test_the_same_scoring_has_the_same_name_however_it_is_written(window_s):
    assert scoring_id(**SCORING | {"window_s": window_s}) == scoring_id(**SCORING | {"window_s": float(window_s)})


def test_a_scoring_has_another_name_after_the_code_moved_scores(monkeypatch):
    before = scoring_id(**SCORING)
    monkeypatch.setattr("gsgmodel.scan.opening.SCORING_REVISION", 10_000)
    assert scoring_id(**SCORING) != before


def test_a_threshold_does_not_change_the_name_of_a_scoring(opened, model):
    with opened() as plain:
        pass
    with opened(model=model(operating_points={"default": 0.5}, card={"by": "us"})) as pointed:
        assert plain.provenance.scoring_id == pointed.provenance.scoring_id
        assert (plain.threshold, pointed.threshold) == (None, 0.5)


@pytest.mark.parametrize(
    ("points", "threshold"), [({}, None), ({"strict": 0.9}, 0.9), ({"strict": 0.9, "default": 0.4}, 0.4)]
)
def test_the_threshold_is_the_default_point_or_the_first(opened, points, threshold):
    with opened() as scan:
        settings = replace(scan.model.settings, operating_points=points)
        assert settings.threshold == threshold


def test_flagging_without_a_threshold_is_refused(opened):
    with pytest.raises(ConfigError, match=r"--fail-on-flagged is set, but model .* has no operating point"):
        opened(fail_on_flagged=True).__enter__()


def test_a_run_keeps_its_settings_as_they_were_resolved(opened):
    with opened(window_s=30.0, filter=("*.mp4",)) as scan:
        settings = tomllib.loads(scan.run_folder.settings_path.read_text())
        assert settings["input"] == ["archive"]
        assert (settings["window_s"], settings["filter"]) == (30.0, ["*.mp4"])
        assert settings["identity"]["scoring_id"] == scan.provenance.scoring_id
        assert settings["identity"]["run_id"] == scan.provenance.run_id == scan.run_folder.path.name
        assert scan.plan_folder == scan.run_folder.plan_path
        assert isinstance(scan.sink, TableSink)
        assert scan.commit_s == 30.0


def test_without_an_output_rows_are_shown_soon_and_nothing_is_kept(opened, tmp_path):
    with opened(output=None) as scan:
        assert isinstance(scan.sink, ListSink)
        assert (scan.run_folder, scan.commit_s) == (None, SHOW_EVERY_S)
        assert scan.plan_folder.is_dir()
    assert not scan.plan_folder.exists()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_dry_run_writes_nothing_also_where_there_is_no_table_yet(opened, tmp_path, video_id):
    with opened(dry_run=True) as scan:
        assert not scan.sink.contains(pa.array([video_id(1)])).any()
        assert not scan.recount(DoneIds())(pa.array([video_id(1)])).any()
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_dry_run_knows_what_is_done(opened, tmp_path, scored, video_id):
    with opened() as scan:
        scan.sink.commit(scored([1]))
    before = sorted(tmp_path.rglob("*"))
    with opened(dry_run=True) as scan:
        assert scan.sink.contains(pa.array([video_id(1), video_id(2)])).tolist() == [True, False]
    assert sorted(tmp_path.rglob("*")) == before


def test_done_is_only_what_the_same_scoring_did(opened, scored, video_id):
    with opened() as scan:
        scan.sink.commit(scored([1]))
    with opened(max_clips=2) as scan:
        assert not scan.sink.contains(pa.array([video_id(1)])).any()


@pytest.fixture
def held(video_id):
    """The ids of some planned videos."""

    def ids(*numbers):
        found = DoneIds()
        found.add(pa.array([video_id(number) for number in numbers]))
        return found

    return ids


def test_the_recount_looks_into_the_table_and_not_into_what_was_said(opened, tmp_path, scored, video_id, held):
    with opened() as scan:
        scan.sink.done.add(pa.array([video_id(1)]))
        scan.sink.commit(scored([2]))
        assert scan.recount(held(1, 2))(pa.array([video_id(1), video_id(2)])).tolist() == [False, True]
    assert VideoTable.open(str(tmp_path / "results")).count_by_status(scan.provenance.scoring_id) == {"scored": 1}


def test_a_row_that_was_to_be_replaced_and_was_not_does_not_count_as_held(opened, scored, video_id, held):
    with opened() as scan:
        scan.sink.commit(scored([1, 2, 3], status=Status.UNREADABLE))
    with opened(retry=("unreadable",)) as scan:
        scan.sink.commit(scored([2]))
        scan.sink.commit(scored([3], status=Status.UNREADABLE))
        assert scan.recount(held(1, 2, 3))(pa.array([video_id(n) for n in (1, 2, 3)])).tolist() == [False, True, True]


def test_rows_of_another_decoder_that_died_are_scored_again(opened, scored, video_id):
    with opened() as scan:
        scan.sink.commit(scored([1], status=Status.CRASHED, decoder="av 0"))
        scan.sink.commit(scored([2], status=Status.UNREADABLE, decoder="av 0"))
    with opened() as scan:
        assert scan.sink.contains(pa.array([video_id(1), video_id(2)])).tolist() == [False, True]


def test_the_deadline_counts_from_the_start(opened):
    with opened(deadline="2h") as scan:
        assert 7190 < scan.deadline_s <= 7200
        late = replace(scan, started_at=datetime.now(UTC) - timedelta(hours=3))
        assert late.deadline_s == 0.0
    with opened() as scan:
        assert scan.deadline_s is None


def test_a_model_that_is_not_there_is_refused_before_the_output_is_touched(opened, tmp_path):
    with pytest.raises(ConfigError, match="there is nothing"):
        opened(model=str(tmp_path / "nowhere")).__enter__()
    assert not (tmp_path / "results").exists()


def test_a_run_that_an_error_ends_says_so_in_its_summary(opened):
    with pytest.raises(RuntimeError), opened() as scan:
        raise RuntimeError("a bug")
    summary = json.loads(scan.run_folder.summary_path.read_text())
    assert (summary["exit_code"], summary["run_id"]) == (1, scan.provenance.run_id)
    assert summary["reason"] == "ended by an error"


def test_a_summary_that_was_written_stays(opened):
    with opened() as scan:
        scan.run_folder.write_summary({"exit_code": 0})
    assert json.loads(scan.run_folder.summary_path.read_text()) == {"exit_code": 0}


def test_whoever_waits_is_told_of_an_error_and_the_address_is_kept_nowhere(opened):
    with (
        listening(200) as (url, heard),
        pytest.raises(RuntimeError),
        opened(notify=f"{url}/SECRET") as scan,
    ):
        raise RuntimeError("a bug")
    ((path, _, content),) = heard
    assert (path, content["exit_code"], content["reason"]) == ("/SECRET", 1, "ended by an error")
    assert scan.resolved["notify"] == url
    kept = b"".join(path.read_bytes() for path in scan.run_folder.path.rglob("*") if path.is_file())
    assert b"SECRET" not in kept

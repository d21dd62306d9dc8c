"""Videos that are scored first and last: what is expected of them, and what is said where one scores otherwise."""

import json

import pytest

from gsgmodel.errors import ConfigError, DriftError, Status
from gsgmodel.results.places import LocalPlace
from gsgmodel.scan.canary import TOLERANCE, CanaryVideos
from gsgmodel.scan.parts import planned_rows
from gsgmodel.scan.stop import StopRequest
from tests.scan.conftest import StreamedRows

pytestmark = pytest.mark.usefixtures("_brief_waits")


@pytest.fixture
def stop():
    return StopRequest(drain_s=1.0)


@pytest.fixture
def stream(scored, video_id):
    """``stream(score=0.75, status=...)`` makes stages that score every video so."""
    numbers = {video_id(number): number for number in range(9)}

    def make(**changes):
        def rows(path):
            return StreamedRows(scored([numbers[row["video_id"][0].as_py()]], **changes) for row in planned_rows(path))

        return rows

    return make


@pytest.fixture
def canary(ref, output):
    def make(*numbers, place=True, key="s"):
        return CanaryVideos(
            refs=[ref(number) for number in numbers],
            scratch=output / "plan" / key,
            place=place_of(output) if place else None,
            key=key,
        )

    return make


@pytest.fixture
def output(tmp_path):
    return tmp_path / "out"


def place_of(output):
    return LocalPlace(output / "canary")


def kept(output, key="s"):
    return json.loads((output / "canary" / f"{key}.json").read_text())


def test_what_is_scored_first_is_kept_and_expected_from_then_on(canary, stream, gate, stop, output, video_id):
    canary(1, 2).check(stream(), gate=gate, stop=stop)
    assert kept(output).keys() == {video_id(1).hex(), video_id(2).hex()}
    assert kept(output)[video_id(1).hex()]["uri"] == "file:///archive/1.mp4"
    assert kept(output)[video_id(1).hex()]["status"] == "scored"


def again(canary, output, numbers=(1, 2)):
    """The same videos in a later run."""
    later = canary(*numbers)
    later.scratch = output / "later"
    later.expected = later._kept()
    return later


def score_of(output):
    return next(iter(kept(output).values()))["score"]


def test_a_score_that_moved_stops_the_run_and_nothing_is_kept_of_it(canary, stream, gate, stop, output):
    canary(1, 2).check(stream(), gate=gate, stop=stop)
    before = kept(output)
    score = score_of(output) - TOLERANCE - 0.001
    with pytest.raises(
        DriftError, match=r"2 of 2 canaries moved: file:///archive/1.mp4 scores 0\.\d{4}, it was 0\.\d{4}"
    ):
        again(canary, output).check(stream(score=score), gate=gate, stop=stop)
    assert kept(output) == before


def test_a_score_that_moved_by_less_than_machines_differ_is_the_same(canary, stream, gate, stop, output):
    canary(1).check(stream(), gate=gate, stop=stop)
    before = kept(output)
    again(canary, output, (1,)).check(stream(score=score_of(output) - TOLERANCE / 2), gate=gate, stop=stop)
    assert kept(output) == before


def test_a_video_that_is_scored_no_more_moved(canary, stream, gate, stop, output):
    canary(1).check(stream(), gate=gate, stop=stop)
    with pytest.raises(DriftError, match="is unreadable, it was scored"):
        again(canary, output, (1,)).check(stream(status=Status.UNREADABLE, score=None), gate=gate, stop=stop)


def test_a_video_that_cannot_be_had_is_said_and_not_kept(canary, stream, gate, stop, output):
    with pytest.raises(DriftError, match="cannot be scored"):
        canary(1).check(stream(status=Status.MISSING, score=None), gate=gate, stop=stop)
    assert not (output / "canary").exists()


def test_a_new_video_joins_those_that_are_expected(canary, stream, gate, stop, output, video_id):
    canary(1).check(stream(), gate=gate, stop=stop)
    again(canary, output, (1, 3)).check(stream(), gate=gate, stop=stop)
    assert kept(output).keys() == {video_id(1).hex(), video_id(3).hex()}


def test_the_end_is_held_against_the_start_also_where_nothing_is_kept(canary, stream, gate, stop, output):
    alone = canary(1, place=False)
    alone.check(stream(), gate=gate, stop=stop)
    assert "canaries moved" in alone.drift(stream(score=0.1), gate=gate, stop=stop)
    assert not (output / "canary").exists()


def test_another_scoring_has_expectations_of_its_own(canary, stream, gate, stop, output):
    canary(1, key="s").check(stream(), gate=gate, stop=stop)
    canary(1, key="t").check(stream(score=0.1), gate=gate, stop=stop)
    assert kept(output, "s") != kept(output, "t")


def test_a_run_that_is_stopped_is_not_told_that_a_score_moved(canary, stream, gate, stop):
    stop._on_signal(15, None)
    assert canary(1).drift(stream(score=0.1), gate=gate, stop=stop) == ""


def test_without_canaries_nothing_is_scored(canary, gate, stop):
    def stream(path):
        raise AssertionError(path)

    assert canary().drift(stream, gate=gate, stop=stop) == ""


def test_expectations_that_cannot_be_read_are_one_sentence(canary, output):
    (output / "canary").mkdir(parents=True)
    (output / "canary" / "s.json").write_text("{")
    with pytest.raises(ConfigError, match=r"canary/s\.json' cannot be read"):
        canary(1)._kept()

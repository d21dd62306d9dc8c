"""What a report is made of."""

import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.report.collect import ALL, LONGEST_NAME, MOST_EXAMPLES, collect, names_of, shortened
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import FACES, video_id_of


def test_the_newest_run_has_its_rows_failures_summary_and_what_changed(snapshot):
    found = collect(snapshot, "newest")
    assert found.run == "run 2"
    assert found.by_status == {"scored": 3, "unreadable": 5}
    assert found.rows["score"].to_pylist() == [0.9] * 3 + [None] * 5
    assert (found.threshold, found.settings["model"]) == (0.5, "m")
    (failure,) = found.failures
    assert (failure.status, failure.count, len(failure.examples)) == ("unreadable", 5, MOST_EXAMPLES)
    assert max(len(name) for name, _ in failure.examples) == LONGEST_NAME
    assert (found.comparison.before, found.comparison.to_fake) == ("run 1", 1)
    assert found.timelines == {video_id_of(number): FACES for number in range(3)}


def test_a_threshold_that_is_given_counts_in_place_of_the_scans(snapshot):
    assert collect(snapshot, "newest", threshold=0.95).comparison.to_fake == 0


def test_the_first_run_has_none_before_it_and_maybe_no_summary(snapshot):
    found = collect(snapshot, "run 1")
    assert (found.rows.num_rows, found.comparison, found.summary, found.threshold) == (1, None, {}, None)


def test_all_runs_together_have_the_newest_row_of_each_name(snapshot):
    found = collect(snapshot, ALL)
    assert found.rows.num_rows == 8
    assert found.rows["score"].to_pylist()[:3] == [0.9] * 3
    assert (found.run, found.comparison) == (ALL, None)


def test_a_run_that_is_not_there_or_a_table_without_rows_is_a_sentence(snapshot, tmp_path):
    with pytest.raises(ConfigError, match="of which there are no rows"):
        collect(snapshot, "run 9")
    VideoTable.open_or_create(str(tmp_path / "empty"))
    with pytest.raises(ConfigError):
        collect(Snapshot.open(str(tmp_path / "empty")), ALL)


@pytest.mark.parametrize("length", [0, 10, 11, 12, 500])
def test_a_long_text_is_cut_in_the_middle(length):
    text = "".join(chr(ord("a") + place % 26) for place in range(length))
    cut = shortened(text, most=11)
    assert cut == text if length <= 11 else len(cut) == 11
    assert text.startswith(cut[:4])
    assert text.endswith(cut[-3:])


def test_names_are_named_once():
    assert names_of(["b", None, "a", "b"]) == ["b", "a"]

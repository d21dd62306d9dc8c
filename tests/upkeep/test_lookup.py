"""One video of a table, found by whatever it is called."""

import pyarrow.compute as pc
import pytest

from gsgmodel.errors import ConfigError
from gsgmodel.results.table import VideoTable
from gsgmodel.upkeep.lookup import find_video, matching_rows
from gsgmodel.upkeep.snapshot import Snapshot
from tests.results.conftest import FACES, make_rows, video_id_of
from tests.upkeep.test_latest import at


@pytest.fixture
def snapshot(tmp_path):
    table = VideoTable.open_or_create(str(tmp_path))
    table.append(make_rows([1, 2], scored_at=at(1)), key="s")
    table.append(make_rows([1], scoring_id="t", scored_at=at(2), score=0.25), key="t")
    table.append(make_rows([3], uri="file:///archive/a%20b.mp4"), key="s")
    table.append(make_rows([4], uri="s3://bucket/a b.mp4"), key="s")
    return Snapshot.open(str(tmp_path))


@pytest.mark.parametrize(
    "name", ["/archive/1.mp4", "file:///archive/1.mp4", "1.mp4", "archive/1.mp4", video_id_of(1).hex()]
)
def test_all_rows_of_a_video_are_found_by_path_uri_end_and_id_the_last_first(snapshot, name):
    rows = find_video(snapshot, name)
    assert [(row["scoring_id"], row["score"]) for row in rows] == [("t", 0.25), ("s", 0.75)]
    assert rows[0]["faces"] == FACES


def test_a_path_in_the_working_folder_is_meant_before_the_end_of_another(tmp_path, monkeypatch):
    here = tmp_path / "2.mp4"
    table = VideoTable.open_or_create(str(tmp_path))
    table.append(make_rows([2]), key="s")
    table.append(make_rows([9], uri=here.as_uri()), key="s")
    monkeypatch.chdir(tmp_path)
    (row,) = find_video(Snapshot.open(str(tmp_path)), "2.mp4")
    assert row["uri"] == here.as_uri()


def test_a_name_is_found_as_people_write_it_and_as_uris_have_it(snapshot):
    assert find_video(snapshot, "s3://bucket/a b.mp4")[0]["uri"] == "s3://bucket/a b.mp4"
    assert find_video(snapshot, "/archive/a b.mp4")[0]["uri"] == "file:///archive/a%20b.mp4"
    assert find_video(snapshot, "archive/a b.mp4")[0]["uri"] == "file:///archive/a%20b.mp4"


def test_the_end_of_a_name_begins_at_a_slash(snapshot):
    with pytest.raises(ConfigError, match=r"no row .* is of '\.mp4'"):
        find_video(snapshot, ".mp4")


def test_several_videos_that_fit_are_named(tmp_path):
    table = VideoTable.open_or_create(str(tmp_path))
    for number in (1, 2):
        table.append(make_rows([number], uri=f"s3://bucket/{number}/a.mp4"), key="s")
    with pytest.raises(ConfigError, match=r"2 videos are called 'a.mp4'.*s3://bucket/1/a.mp4, s3://bucket/2/a.mp4"):
        find_video(Snapshot.open(str(tmp_path)), "a.mp4")


def test_only_files_that_have_the_video_are_read_whole(snapshot, monkeypatch):
    read = []
    batches = Snapshot.batches

    def noting(self, columns=None, *, names=None, **more):
        if columns is None:
            read.extend(names)
        return batches(self, columns, names=names, **more)

    monkeypatch.setattr(Snapshot, "batches", noting)
    wanted = video_id_of(3)
    rows = list(
        matching_rows(
            snapshot,
            lambda batch: pc.equal(batch.column("video_id"), wanted),
            looked_at=("video_id",),
        )
    )
    assert [row["video_id"] for row in rows] == [wanted]
    assert len(read) == 1

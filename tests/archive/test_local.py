"""Files and folders of a local disk; what ``list_archive`` makes of them is in ``test_listing``."""

import os
from pathlib import Path

import pytest

from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.identity import local_path
from gsgmodel.archive.local import check_local, named_file, walk
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef

NOW_S = 1_800_000_000.0


@pytest.fixture
def folder(tmp_path):
    """Files of 1, 1,000 and 2,000 bytes, modified an hour, a day and a week ago."""
    for name, size_bytes, age_s in (("a.mp4", 1, 3600), ("b.mp4", 1000, 86_400), ("d/c.txt", 2000, 604_800)):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(size_bytes))
        os.utime(path, (NOW_S - age_s, NOW_S - age_s))
    return tmp_path


@pytest.mark.parametrize(
    ("filters", "outcome"),
    [
        (["size>=1kB"], {"a.mp4": "size", "b.mp4": "", "c.txt": "suffix"}),
        (["size>=1kB", "*"], {"a.mp4": "size", "b.mp4": "", "c.txt": ""}),
        (["age<=1d"], {"a.mp4": "", "b.mp4": "", "c.txt": "suffix"}),
        (["age<1d"], {"a.mp4": "", "b.mp4": "age", "c.txt": "suffix"}),
        (["age>1w", "*"], {"a.mp4": "age", "b.mp4": "age", "c.txt": "age"}),
        (["age>=1h", "size<1KiB", "size>1"], {"a.mp4": "size", "b.mp4": "", "c.txt": "suffix"}),
        (["size>1GB", "d/*"], {"a.mp4": "filter", "b.mp4": "filter", "c.txt": "size"}),
    ],
)
def test_conditions_leave_out_what_the_name_lets_pass(folder, filters, outcome):
    found = walk(folder, filters=parse_filters(filters, now_s=NOW_S), skip=())
    assert {local_path(item.uri).name: getattr(item, "reason", "") for item in found} == outcome


def test_conditions_hold_for_named_files_and_globs_do_not(folder):
    path = folder / "d" / "c.txt"
    assert isinstance(named_file(path, filters=parse_filters(["*.mp4", "age<=1w"], now_s=NOW_S)), VideoRef)
    judged = named_file(path, filters=parse_filters(["size<2kB"], now_s=NOW_S))
    assert (judged.reason, judged.size_bytes, judged.suffix) == ("size", 2000, ".txt")


def test_a_folder_that_vanishes_while_it_is_walked_is_left_out(folder):
    found = walk(folder / "gone", filters=parse_filters([]), skip=())
    assert [item.reason for item in found] == ["missing"]


def test_an_input_is_a_file_or_a_folder_that_holds_something(folder):
    check_local(folder)
    check_local(folder / "a.mp4")
    (folder / "empty").mkdir()
    with pytest.raises(ConfigError, match="is an empty folder"):
        check_local(folder / "empty")
    with pytest.raises(ConfigError, match="No such file or directory"):
        check_local(folder / "gone")
    with pytest.raises(ConfigError, match="neither a file nor a folder"):
        check_local(Path("/dev/null"))

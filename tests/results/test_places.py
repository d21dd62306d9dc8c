"""What every place can do, be it a folder or a prefix of a bucket."""

import pytest

from gsgmodel.results.places import LocalPlace
from tests.results.conftest import Output


@pytest.fixture
def place(output):
    place = output.place
    place.make()
    return place


def test_a_file_is_there_once_written_and_over_an_earlier_one(place):
    assert not place.has("a.json")
    place.write("a.json", b"1")
    place.write("a.json", b"2")
    assert place.has("a.json")
    assert place.names() == {"a.json"}
    assert place.files.open_input_file(place.file_path("a.json")).read() == b"2"


def test_a_file_is_created_once_read_and_removed(place):
    assert place.read("a.json") is None
    assert place.create("a.json", b"1")
    assert not place.create("a.json", b"2")
    assert place.read("a.json") == b"1"
    place.remove("a.json")
    place.remove("a.json")
    assert place.read("a.json") is None
    assert place.names() == set()


def test_folders_hold_what_is_below_them(place):
    below = place / "runs" / "r1"
    assert below.names() == set()
    below.make(is_new=True)
    below.write("a", b"1")
    assert place.names() == {"runs"}
    assert (place / "runs").names() == {"r1"}
    assert (place / "run").names() == set()
    assert below.names() == {"a"}
    with pytest.raises(FileExistsError):
        below.make(is_new=True)
    below.make()


def test_a_finished_file_is_kept(place, tmp_path):
    (tmp_path / "part.parquet").write_bytes(b"plan")
    place.keep(tmp_path / "part.parquet", "part.parquet")
    assert place.files.open_input_file(place.file_path("part.parquet")).read() == b"plan"


def test_a_probe_says_that_what_is_there_stays_and_leaves_nothing(place):
    assert place.probe()
    assert place.names() == set()
    assert place.has_room(1000)


def test_a_local_file_is_written_whole_or_not_at_all(tmp_path):
    place = LocalPlace(tmp_path)
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        place.write("a", b"1")
    assert place.names() == {"a"}


def test_a_local_file_that_lies_there_is_kept_as_it_is(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    node = (tmp_path / "a").stat().st_ino
    LocalPlace(tmp_path).keep(tmp_path / "a", "a")
    assert (tmp_path / "a").stat().st_ino == node


def test_places_are_named_for_people_and_for_engines(tmp_path, s3_output):
    local, store = Output(f"{tmp_path}/a #", None).place, s3_output.place
    assert (local.uri, local.table_uri) == (f"{tmp_path}/a #", f"file://{tmp_path}/a%20%23")
    assert local.file_uri("b") == f"file://{tmp_path}/a%20%23/b"
    assert local.storage_options() is None
    assert store.uri == s3_output.uri
    assert store.table_uri == s3_output.uri.replace(" ", "%20").replace("#", "%23")
    assert store.file_uri("b") == f"{s3_output.uri}/b"
    assert store.storage_options()["AWS_ENDPOINT_URL"] == s3_output.s3_endpoint

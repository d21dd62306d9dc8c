"""Every file below a place is found, on a disk and on a store."""

import os
import time

import pytest

from gsgmodel.results.places import LocalPlace, Place
from gsgmodel.upkeep.inventory import list_files


def test_every_file_is_listed_with_its_size_and_age(output):
    place = output.place / "videos"
    place.make()
    place.write("a b#1.parquet", b"123")
    (place / "_delta_log").make()
    (place / "_delta_log").write("0.json", b"")
    found = list_files(place)
    assert {name: file.size_bytes for name, file in found.items()} == {"a b#1.parquet": 3, "_delta_log/0.json": 0}
    # A store tells whole seconds.
    assert all(abs(time.time() - file.modified_s) < 60 for file in found.values())


def test_what_is_beside_the_place_is_not_in_it(output):
    place = output.place / "videos"
    place.make()
    (output.place / "videos2").make()
    (output.place / "videos2").write("x", b"1")
    assert list_files(place) == {}


def test_a_place_that_is_not_there_holds_nothing(output):
    assert list_files(output.place / "nowhere") == {}


def test_links_to_folders_are_not_followed_and_broken_ones_not_listed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "circle").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "broken").symlink_to(tmp_path / "gone")
    (tmp_path / "in" / "file").write_bytes(b"12")
    assert {name for name in list_files(LocalPlace(tmp_path / "in")) if "/" in name} == set()
    assert "broken" not in list_files(LocalPlace(tmp_path / "in"))


def test_more_than_a_page_of_a_store_is_listed(s3_output):
    place = s3_output.place / "many"
    for number in range(1005):
        place.write(f"{number}", b"")
    assert list_files(place).keys() == {f"{number}" for number in range(1005)}


def test_a_file_that_goes_away_while_it_is_listed_is_not_there(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(b"1")
    scan = os.scandir

    def vanishing(folder):
        entries = list(scan(folder))
        (tmp_path / "a").unlink(missing_ok=True)
        return entries

    monkeypatch.setattr(os, "scandir", vanishing)
    assert list_files(LocalPlace(tmp_path)).keys() == {"b"}


def test_another_kind_of_place_is_a_bug():
    class Elsewhere(Place):
        uri = "elsewhere"

    Elsewhere.__abstractmethods__ = frozenset()
    with pytest.raises(TypeError, match="elsewhere"):
        list_files(Elsewhere())

"""Files, folders and manifests become references, and nothing goes unaccounted for."""

import os
import socket
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive.identity import local_path, video_id
from gsgmodel.archive.listing import VIDEO_SUFFIXES, LeftOut, check_inputs, list_archive, suffix_of
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef

ODD_NAMES = [
    b"a b.mp4",
    b"\xc3\xa9\xe6\xbc\xa2.mp4",
    b"100%41#?&.mp4",
    b"-x.mp4",
    b"new\nline.mp4",
    b"'\"\\.mp4",
    b"[a]*.mp4",
    b"not-utf8-\xff.mp4",
    b"s3:x.mp4",
    b" .mp4",
]


def write(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def split(inputs: list[Path], **options) -> tuple[set[str], set[tuple[str, str]]]:
    """Names of the candidates, and names with reasons of what is left out; neither may come twice."""
    found = list(list_archive([str(path) for path in inputs], **options))
    videos = [local_path(item.uri).name for item in found if isinstance(item, VideoRef)]
    left = [(local_path(item.uri).name, item.reason) for item in found if isinstance(item, LeftOut)]
    assert max(Counter([*videos, *left]).values(), default=1) == 1
    return set(videos), set(left)


def test_a_reference_says_what_the_disk_says(tmp_path):
    path = write(tmp_path / "a.mp4", b"12345")
    os.utime(path, ns=(1, 1_700_000_000_123_456_789))
    (ref,) = list_archive([str(path)])
    uri = path.as_uri()
    assert ref == VideoRef(
        uri=uri,
        etag="1700000000123456789",
        size_bytes=5,
        last_modified_s=1_700_000_000.123456789,
        video_id=video_id(uri, "1700000000123456789", 5),
    )


def test_the_same_file_named_in_any_way_has_one_id(tmp_path, monkeypatch):
    path = write(tmp_path / "d" / "-a b.mp4")
    monkeypatch.chdir(path.parent)
    spellings = ["-a b.mp4", str(path), path.as_uri(), "../d/-a b.mp4", f"{tmp_path}//d/./-a b.mp4", str(path.parent)]
    assert len({next(iter(list_archive([name]))).video_id for name in spellings}) == 1
    assert len(list(list_archive(spellings[:5]))) == 1


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names_are_listed_named_alone_or_found(tmp_path, name):
    path = write(tmp_path / os.fsdecode(name))
    for given_input in (tmp_path, path, path.as_uri()):
        (ref,) = list_archive([str(given_input)])
        assert local_path(ref.uri) == path
        assert ref.uri.isascii()


def test_candidates_have_a_video_suffix_of_any_case_or_none(tmp_path):
    for name in ("a.mp4", "b.MKV", "upload", "dot.", "c.txt", "d.jpg", "e.mp4.part"):
        write(tmp_path / "x" / "y" / name)
    videos, left = split([tmp_path])
    assert videos == {"a.mp4", "b.MKV", "upload", "dot."}
    assert left == {("c.txt", "suffix"), ("d.jpg", "suffix"), ("e.mp4.part", "suffix")}


def test_what_is_left_out_says_its_size_and_suffix(tmp_path):
    path = write(tmp_path / "Notes.TXT", b"1234")
    assert list(list_archive([str(tmp_path)])) == [
        LeftOut(uri=path.as_uri(), size_bytes=4, reason="suffix", suffix=".txt")
    ]


def test_an_empty_file_is_a_candidate(tmp_path):
    write(tmp_path / "a.mp4", b"")
    (ref,) = list_archive([str(tmp_path)])
    assert ref.size_bytes == 0


def test_a_file_named_itself_is_a_candidate_whatever_it_is_called(tmp_path):
    text, hidden = write(tmp_path / "a.txt"), write(tmp_path / ".b.mp4")
    assert split([text, hidden]) == ({"a.txt", ".b.mp4"}, set())
    assert split([text], filters=["*.mp4"]) == ({"a.txt"}, set())


def test_inputs_that_overlap_yield_each_object_once(tmp_path):
    named = write(tmp_path / "d" / "a.txt")
    write(tmp_path / "d" / "b.mp4")
    write(tmp_path / "d" / ".e" / "c.mp4")
    videos, left = split([tmp_path, named, tmp_path / "d", tmp_path / "d" / ".e", tmp_path])
    assert videos == {"a.txt", "b.mp4", "c.mp4"}
    assert left == set()


def test_hidden_files_and_folders_are_left_out_and_said_so(tmp_path):
    write(tmp_path / "._a.mp4")
    write(tmp_path / ".git" / "b.mp4")
    write(tmp_path / "c.mp4")
    assert split([tmp_path]) == ({"c.mp4"}, {("._a.mp4", "hidden"), (".git", "hidden")})


@pytest.mark.parametrize(
    ("globs", "videos"),
    [
        (["*"], {"a.mp4", "b.txt", ".c", "d.mp4", "e.mp4"}),
        (["*.txt"], {"b.txt"}),
        (["in/*"], {"d.mp4", ".c", "e.mp4"}),
        (["in/d*"], {"d.mp4"}),
        (["a.mp4", "b*"], {"a.mp4", "b.txt"}),
        (["*.MP4"], set()),
        (["[de].mp4"], {"d.mp4", "e.mp4"}),
    ],
)
def test_filters_decide_alone_by_name_or_relative_path(tmp_path, globs, videos):
    everything = {"a.mp4", "b.txt", ".c", "d.mp4", "e.mp4"}
    for name in ("a.mp4", "b.txt", "in/.c", "in/d.mp4", "in/.hidden/e.mp4"):
        write(tmp_path / name)
    assert split([tmp_path], filters=globs) == (videos, {(name, "filter") for name in everything - videos})


def test_pipes_sockets_and_devices_are_left_out_unopened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket.mp4"))
        (tmp_path / "null.mp4").symlink_to("/dev/null")
        videos, left = split([tmp_path], filters=["*"])
    assert videos == set()
    assert left == {(f"{name}.mp4", "not_a_file") for name in ("pipe", "socket", "null")}


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path):
    target = write(tmp_path / "elsewhere" / "a.mp4")
    top = tmp_path / "top"
    top.mkdir()
    (top / "link.mp4").symlink_to(target)
    (top / "folder").symlink_to(target.parent)
    (top / "loop").symlink_to(top)
    (top / "broken.mp4").symlink_to(tmp_path / "nothing")
    (top / "self.mp4").symlink_to(top / "self.mp4")
    videos, left = split([top])
    assert videos == {"link.mp4"}
    assert left == {
        ("folder", "linked_folder"),
        ("loop", "linked_folder"),
        ("broken.mp4", "missing"),
        ("self.mp4", "missing"),
    }
    assert split([top / "folder"]) == ({"a.mp4"}, set())


def test_a_link_has_the_size_of_its_target_and_its_own_name(tmp_path):
    target = write(tmp_path / "a.mp4", b"12345")
    (tmp_path / "link.mp4").symlink_to(target)
    (ref,) = list_archive([str(tmp_path / "link.mp4")])
    assert (ref.size_bytes, ref.uri) == (5, (tmp_path / "link.mp4").as_uri())


def test_a_manifest_names_files_and_accounts_for_the_rest(tmp_path):
    write(tmp_path / "a.txt")
    (tmp_path / "folder").mkdir()
    manifest = write(tmp_path / "list.csv", b'path,n\na.txt,1\ngone.mp4,2\nfolder,3\n"",4\n')
    found = list(list_archive([str(manifest)]))
    assert [local_path(item.uri).name if item.uri else "" for item in found] == ["a.txt", "gone.mp4", "folder", ""]
    assert [getattr(item, "reason", None) for item in found] == [None, "missing", "not_a_file", "blank"]


def test_a_manifest_inside_a_folder_is_just_a_file(tmp_path):
    write(tmp_path / "list.csv", b"path\na.mp4\n")
    assert split([tmp_path]) == (set(), {("list.csv", "suffix")})


def test_one_file_more_is_one_item_more(tmp_path):
    """Whatever is below a folder comes out once, as a candidate or left out."""
    paths = [write(tmp_path / folder / name) for folder in ("", "a", "a/b c", "d#") for name in ("x.mp4", "y", "z.txt")]
    items = list(list_archive([str(tmp_path)]))
    assert sorted(item.uri for item in items) == sorted(path.as_uri() for path in paths)


@settings(max_examples=30, deadline=None)
@given(names=st.sets(st.sampled_from([os.fsdecode(name) for name in ODD_NAMES] + ["b.txt", "c", ".d.mp4"]), min_size=1))
def test_everything_is_taken_by_a_star(tmp_path_factory, names):
    folder = tmp_path_factory.mktemp("archive")
    for name in names:
        write(folder / name)
    assert split([folder], filters=["*"]) == (names, set())


def test_listing_looks_at_files_one_by_one(tmp_path):
    """What is yielded late is looked at late, so that nothing is held."""
    for number in range(50):
        write(tmp_path / f"{number}.mp4")
    items = list_archive([str(tmp_path)])
    first = local_path(next(items).uri)
    for path in tmp_path.iterdir():
        path.write_bytes(b"12345")
    assert {item.size_bytes for item in items} == {5}
    assert first.exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing.mp4", "No such file or directory"),
        ("empty", "is an empty folder"),
        ("pipe", "neither a file nor a folder"),
        ("a.mp4/b.mp4", "Not a directory"),
        ("list.csv", "no column named"),
        ("list.parquet", "cannot be read"),
    ],
)
def test_an_input_that_cannot_be_listed_is_one_sentence_before_anything_else(tmp_path, name, message):
    good = write(tmp_path / "a.mp4")
    (tmp_path / "empty").mkdir()
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path / "list.csv", b"file\na.mp4\n")
    write(tmp_path / "list.parquet", b"no")
    for check in (check_inputs, lambda inputs: next(list_archive(inputs))):
        with pytest.raises(ConfigError, match=message) as caught:
            check([str(good), str(tmp_path / name)])
        assert "\n" not in str(caught.value)


def test_no_input_at_all_is_refused():
    with pytest.raises(ConfigError, match="no input"):
        check_inputs([])


def test_inputs_of_other_schemes_are_refused():
    with pytest.raises(ConfigError, match="gs:// is not supported; accepted: a local path, a file:// or an s3:// URI"):
        check_inputs(["gs://bucket/folder/"])


def test_no_permission_is_said_and_does_not_end_the_listing(public_folder, run_unprivileged):
    write(public_folder / "open" / "a.mp4")
    write(public_folder / "open" / "closed" / "b.mp4").parent.chmod(0)
    write(public_folder / "secret.mp4").chmod(0)
    code = """
for item in listing.list_archive([sys.argv[1] + "/open"]):
    print(item.uri.rsplit("/", 1)[1], getattr(item, "reason", "video"))
for name in ("/open/closed", "/secret.mp4", "/open/closed/b.mp4"):
    try:
        listing.check_inputs([sys.argv[1] + name])
    except ConfigError as error:
        print(str(error).rpartition(": ")[2])
"""
    imports = "from gsgmodel.archive import listing\nfrom gsgmodel.errors import ConfigError"
    lines = run_unprivileged(imports, code, str(public_folder)).splitlines()
    assert sorted(lines[:2]) == ["a.mp4 video", "closed denied"]
    assert lines[2:] == ["Permission denied"] * 3


def test_suffixes_are_lower_case_and_start_with_a_dot():
    assert all(suffix == suffix_of(f"a{suffix}") for suffix in VIDEO_SUFFIXES)


def test_every_shared_video_is_a_candidate(shared_data):
    videos, left = split([shared_data / "A"])
    assert not left
    assert len(videos) == len(list((shared_data / "A").iterdir()))

"""Ranged reads, and what happens when the object is not what was listed."""

import errno
import io
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsgmodel.archive.listing import list_archive
from gsgmodel.archive.reading import ObjectReader, open_object, os_error_as_video_error
from gsgmodel.errors import ChangedError, ConfigError, DeniedError, MissingError, UnavailableError
from gsgmodel.records import VideoRef

CONTENT = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path) -> Path:
    path = tmp_path / "a #%41?\n.mp4"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def ref(path) -> VideoRef:
    (found,) = list_archive([str(path)])
    assert isinstance(found, VideoRef)
    return found


class MemorySource:
    """Bytes in memory, given out a few at a time."""

    def __init__(self, content: bytes, *, most: int) -> None:
        self._content, self._most = content, most
        self.expected = []

    def expect(self, ranges):
        self.expected += ranges

    def read_into(self, offset: int, target: memoryview) -> int:
        part = self._content[offset : offset + min(len(target), self._most)]
        target[: len(part)] = part
        return len(part)

    def verify(self) -> None:
        pass

    def close(self) -> None:
        pass


STEPS = st.one_of(
    st.tuples(st.just("read"), st.integers(0, 50)),
    st.tuples(st.just("seek"), st.integers(0, 60)),
    st.tuples(st.just("end"), st.integers(-10, 5)),
)


@settings(deadline=None)
@given(content=st.binary(max_size=40), most=st.integers(1, 50), steps=st.lists(STEPS, max_size=20))
def test_reads_are_those_of_any_other_file(content, most, steps):
    ours = io.BufferedReader(ObjectReader(MemorySource(content, most=most), len(content)))
    other = io.BytesIO(content)
    for step, value in steps:
        if step == "read":
            assert ours.read(value) == other.read(value)
        elif step == "seek":
            assert ours.seek(value) == other.seek(value)
        else:
            place = max(value, -len(content))
            assert ours.seek(place, os.SEEK_END) == other.seek(place, os.SEEK_END)
    assert ours.read() == other.read()


def test_a_listed_file_is_read_by_range_and_counted(ref):
    with open_object(ref) as reader:
        assert reader.seekable()
        assert reader.readable()
        reader.seek(300)
        assert reader.read(10) == CONTENT[300:310]
        assert reader.tell() == 310
        assert reader.bytes_read == 10
        reader.seek(0)
        assert reader.read() == CONTENT
        assert reader.read(1) == b""
        assert reader.bytes_read == 10 + len(CONTENT)
        reader.verify()


def test_seeking_before_the_start_is_refused(ref):
    with open_object(ref) as reader:
        with pytest.raises(ValueError, match="before the start"):
            reader.seek(-1)
        with pytest.raises(ValueError, match="whence"):
            reader.seek(0, 7)


def test_a_closed_object_cannot_be_read_and_may_be_closed_again(ref):
    reader = open_object(ref)
    reader.close()
    reader.close()
    with pytest.raises(ValueError, match="closed"):
        reader.read(1)


def test_no_descriptor_is_left_open(ref, path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    open_object(ref).close()
    path.write_bytes(b"other")
    with pytest.raises(ChangedError):
        open_object(ref)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_an_object_of_another_size_has_changed(ref, path):
    path.write_bytes(CONTENT + b"x")
    with pytest.raises(ChangedError, match="10241 bytes, listed with 10240"):
        open_object(ref)


def test_an_object_written_again_with_the_same_size_has_changed(ref, path):
    path.write_bytes(CONTENT[::-1])
    os.utime(path, ns=(1, int(ref.etag) + 1))
    with pytest.raises(ChangedError, match="modified"):
        open_object(ref)


def test_an_object_that_is_gone_is_missing(ref, path):
    path.unlink()
    with pytest.raises(MissingError):
        open_object(ref)


def test_a_folder_that_became_a_file_makes_its_objects_missing(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.mp4").write_bytes(b"x")
    (ref,) = list_archive([str(tmp_path / "d")])
    (tmp_path / "d" / "a.mp4").unlink()
    (tmp_path / "d").rmdir()
    (tmp_path / "d").write_bytes(b"x")
    with pytest.raises(MissingError):
        open_object(ref)


def test_a_pipe_in_the_place_of_an_object_does_not_block(ref, path):
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(ChangedError, match="regular file"):
        open_object(ref)


def test_an_object_modified_while_it_is_read_fails_verification(ref, path):
    with open_object(ref) as reader:
        reader.read(10)
        with path.open("ab") as file:
            file.write(b"more")
        assert len(reader.read()) == len(CONTENT) - 10
        with pytest.raises(ChangedError):
            reader.verify()


def test_an_object_cut_while_it_is_read_is_noticed_at_once(ref, path):
    with open_object(ref) as reader:
        os.truncate(path, 100)
        assert reader.read(100) == CONTENT[:100]
        with pytest.raises(ChangedError, match="ends at byte 100"):
            reader.read(1)


def test_an_object_replaced_by_a_twin_fails_verification(ref, path):
    with open_object(ref) as reader:
        twin = path.with_name("twin")
        twin.write_bytes(CONTENT)
        os.utime(twin, ns=(int(ref.etag), int(ref.etag)))
        twin.replace(path)
        with pytest.raises(ChangedError, match="replaced"):
            reader.verify()


def test_an_object_deleted_while_it_is_read_is_missing(ref, path):
    with open_object(ref) as reader:
        path.unlink()
        assert reader.read() == CONTENT
        with pytest.raises(MissingError):
            reader.verify()


@pytest.mark.parametrize(
    ("number", "kind"),
    [
        (errno.ENOENT, MissingError),
        (errno.ENOTDIR, MissingError),
        (errno.EACCES, DeniedError),
        (errno.EPERM, DeniedError),
        (errno.EIO, UnavailableError),
        (errno.ESTALE, UnavailableError),
        (errno.ETIMEDOUT, UnavailableError),
    ],
)
def test_errors_of_the_system_say_what_is_wrong_with_the_object(number, kind):
    error = os_error_as_video_error(OSError(number, os.strerror(number)))
    assert type(error) is kind
    assert str(error) == os.strerror(number)


def test_a_disk_that_fails_is_unavailable_not_unreadable(ref, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with open_object(ref) as reader:
        monkeypatch.setattr(os, "preadv", fail)
        with pytest.raises(UnavailableError, match="Input/output error"):
            reader.read(1)


def test_other_schemes_are_refused(ref):
    with pytest.raises(ConfigError, match="gs:// is not supported"):
        open_object(replace(ref, uri="gs://bucket/a.mp4"))


def test_an_object_of_s3_reads_like_a_file(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="a #%41?\n.mp4".replace("\n", ""), Body=CONTENT)
    (ref,) = list_archive([f"s3://{bucket}"], s3_endpoint=s3_environment)
    with open_object(ref, s3_endpoint=s3_environment) as reader:
        reader.seek(300)
        assert reader.read(10) == CONTENT[300:310]
        assert reader.bytes_read == 10
        reader.seek(-5, os.SEEK_END)
        assert reader.read() == CONTENT[-5:]
        reader.seek(0)
        assert io.BufferedReader(reader).read() == CONTENT
        reader.verify()


def test_an_object_without_permission_is_denied(public_folder, run_unprivileged):
    path = public_folder / "a.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    code = """
(ref,) = listing.list_archive([sys.argv[1]])
try:
    reading.open_object(ref)
except DeniedError as error:
    print(error)
"""
    imports = "from gsgmodel.archive import listing, reading\nfrom gsgmodel.errors import DeniedError"
    assert run_unprivileged(imports, code, str(public_folder)) == "Permission denied\n"


def test_what_will_be_read_is_told_to_the_source():
    source = MemorySource(b"abc", most=2)
    with ObjectReader(source, 3) as reader:
        reader.expect([(0, 2)])
    assert source.expected == [(0, 2)]


def test_a_local_file_is_read_as_before_whatever_is_expected(ref):
    with open_object(ref) as reader:
        before = reader.read()
    with open_object(ref) as reader:
        reader.expect([(0, 4), (6, ref.size_bytes)])
        assert reader.read() == before


def test_a_file_system_that_takes_no_advice_is_read_as_before(ref, monkeypatch):
    def refuse(*_):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr("os.posix_fadvise", refuse)
    with open_object(ref) as reader:
        reader.expect([(0, 4)])
        assert len(reader.read()) == ref.size_bytes

"""Objects of S3 as files: read by ranges of one version, and large ones written in parts."""

import os
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path

import pyarrow as pa
from pyarrow.fs import FSSpecHandler, PyFileSystem

from gsgmodel.archive.s3 import S3Object, call, connect, head, read_range
from gsgmodel.errors import VideoError

_PART_BYTES = 32 << 20


def object_files(endpoint: str | None) -> PyFileSystem:
    """The objects of a store for pyarrow, to read; a path is the bucket, a slash and the key as it is.

    Neither deltalake's nor pyarrow's own client of S3: with them a process may abort when it ends.
    """
    return PyFileSystem(_Objects(endpoint))


class _Objects(FSSpecHandler):  # type: ignore[misc]
    """Opens objects without s3fs's paths, which read more into some keys, and reads on where a connection was cut."""

    def __init__(self, endpoint: str | None) -> None:
        super().__init__(connect(endpoint))
        self._endpoint = endpoint

    def open_input_file(self, path: str) -> pa.PythonFile:
        """Open an object for reading at any place."""
        bucket, _, key = path.partition("/")
        return pa.PythonFile(ObjectFile(bucket, key, endpoint=self._endpoint), mode="r")


class ObjectFile:
    """One version of an object, read by a request a time; errors are those of ``archive.s3.call``."""

    def __init__(self, bucket: str, key: str, *, endpoint: str | None) -> None:
        self._bucket, self._key, self._endpoint = bucket, key, endpoint
        self._place = 0
        self.closed = False

    @cached_property
    def _version(self) -> S3Object:
        return head(self._bucket, self._key, endpoint=self._endpoint)

    def tell(self) -> int:
        """The place of the next byte to be read."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a place, as files do, and return it."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place}.get(whence)
        self._place = offset + (self._version.size_bytes if start is None else start)
        return self._place

    def read(self, size_bytes: int = -1) -> bytes:
        """Read so many bytes, or as many as are left; all of those where it is negative."""
        start, end = self._place, self._version.size_bytes
        stop = min(start + size_bytes, end) if size_bytes >= 0 else end
        if stop <= start:
            return b""
        self._place = stop
        etag = self._version.etag
        return read_range(self._bucket, self._key, start, stop, etag=etag, endpoint=self._endpoint)

    def close(self) -> None:
        """Nothing is open between requests."""
        self.closed = True


def upload(path: Path, bucket: str, key: str, *, endpoint: str | None) -> None:
    """Write a local file to an object in parts, so that a large one is never in memory; readers see all or nothing.

    Args:
        path: The file; not empty.
        bucket: Its name.
        key: As it is.
        endpoint: Of the store, or None for the environment's. Errors are those of ``archive.s3.call``.
    """
    place = {"Bucket": bucket, "Key": key}
    place["UploadId"] = call(endpoint, "create_multipart_upload", **place)["UploadId"]
    is_whole = False
    try:
        parts = []
        with path.open("rb") as file:
            for number, content in enumerate(iter(partial(file.read, _PART_BYTES), b""), start=1):
                answer = call(endpoint, "upload_part", **place, PartNumber=number, Body=content)
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        call(endpoint, "complete_multipart_upload", **place, MultipartUpload={"Parts": parts})
        is_whole = True
    finally:
        if not is_whole:
            # Parts of an upload that is never completed stay, unseen and paid for.
            with suppress(VideoError):
                call(endpoint, "abort_multipart_upload", **place)

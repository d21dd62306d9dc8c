"""An S3 API by its requests: listing page by page, single objects, ranges pinned to an etag, conditional puts."""

import io
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fsspec.asyn import sync

from gsgmodel.archive.identity import check_endpoint, split_uri
from gsgmodel.archive.s3_client import ATTEMPTS, call, connect, wait_s
from gsgmodel.archive.s3_errors import AT_ONCE, CLIENT_ERRORS, code_of
from gsgmodel.errors import ChangedError, DeniedError, TooLargeError, UnavailableError

__all__ = [
    "ATTEMPTS",
    "S3Object",
    "call",
    "check_endpoint",
    "connect",
    "delete",
    "head",
    "list_pages",
    "put",
    "read_range",
    "read_whole",
    "split_uri",
]

PAGE_KEYS = 1000
EXPIRED_HEAD = "400"
"""All that the answer to HEAD says of expired credentials."""
BODY_TIMEOUT_S = 120.0
"""For one range; below 70 kB/s at the largest one that is asked for."""
PART_BYTES = 8 * 2**20
"""What an object that is read whole is asked for at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """One object as a listing or a HEAD request describes it."""

    key: str
    etag: str
    """Without its quotation marks."""
    size_bytes: int
    last_modified_s: float
    """Seconds since the epoch, UTC."""


def list_pages(bucket: str, prefix: str, *, endpoint: str | None, most: int | None = None) -> Iterator[list[S3Object]]:
    """Yield what lies under a prefix, in the order of keys, a page at a time; at most one page is held.

    Args:
        bucket: Its name.
        prefix: Of the keys; may be empty.
        endpoint: Of the store, or None for the environment's.
        most: Objects to ask for at most.

    Yields:
        Pages of up to 1,000 objects, perhaps empty ones. Errors are those of ``call``.
    """
    token: dict[str, str] = {}
    left = most
    while left is None or left > 0:
        wanted = PAGE_KEYS if left is None else min(left, PAGE_KEYS)
        page = call(endpoint, "list_objects_v2", Bucket=bucket, Prefix=prefix, MaxKeys=wanted, **token)
        found = page.get("Contents", [])
        yield [_described(item["Key"], item, size_bytes=item["Size"]) for item in found]
        if not page.get("IsTruncated"):
            return
        token = {"ContinuationToken": page["NextContinuationToken"]}
        left = left if left is None else left - len(found)


def head(bucket: str, key: str, *, endpoint: str | None) -> S3Object:
    """What the store says of one object; errors are those of ``call``, with the store's reason where it gives one.

    Raises:
        DeniedError: If it may not be asked for and the store gives no reason.
        UnavailableError: If the store failed and gives no reason.
    """
    try:
        answer = call(endpoint, "head_object", Bucket=bucket, Key=key)
    except (DeniedError, UnavailableError) as error:
        if code_of(error).startswith(("3", "4")):
            # The answer to HEAD is a bare number, that to GET says why.
            with suppress(ChangedError):
                _body(call(endpoint, "get_object", Bucket=bucket, Key=key, Range="bytes=0-0"), endpoint=endpoint)
        if code_of(error) != EXPIRED_HEAD:
            raise
        # Asking for the reason has found new credentials.
        answer = call(endpoint, "head_object", Bucket=bucket, Key=key)
    return _described(key, answer, size_bytes=answer["ContentLength"])


def read_range(bucket: str, key: str, start: int, stop: int, *, etag: str, endpoint: str | None) -> bytes:
    """The bytes ``start`` to ``stop`` of one version of an object.

    The request carries ``If-Match``; for stores that ignore it the answer's etag is compared too.

    Args:
        bucket: Its name.
        key: As it is.
        start: First byte.
        stop: The byte after the last one; above ``start`` and not beyond the object's end.
        etag: Of the version, without quotation marks.
        endpoint: Of the store, or None for the environment's.

    Returns:
        All of the bytes. Errors are those of ``call``.

    Raises:
        ChangedError: If the object is another version, or shorter.
        UnavailableError: If the connection is cut each time.
    """
    wanted = {"Bucket": bucket, "Key": key, "Range": f"bytes={start}-{stop - 1}", "IfMatch": f'"{etag}"'}
    for attempt in range(1, ATTEMPTS + 1):
        answer = _answer(endpoint, wanted, etag=etag, is_last=attempt == ATTEMPTS)
        content = None if answer is None else _body(answer, endpoint=endpoint)
        if answer is not None and content is not None:
            break
        # The client's own retries end where an answer's body begins.
        time.sleep(wait_s(attempt))
    else:
        raise UnavailableError("the connection was cut while reading, again and again")
    if _bare(answer.get("ETag", "")) != etag:
        raise ChangedError("replaced since it was listed")
    if len(content) != stop - start:
        raise ChangedError(f"{len(content)} bytes came where {stop - start} were listed")
    return content


def read_whole(bucket: str, key: str, *, endpoint: str | None, most_bytes: int | None = None) -> bytes:
    """All bytes of one version of an object that is small and nobody's video.

    Args:
        bucket: Its name.
        key: As it is.
        endpoint: Of the store, or None for the environment's.
        most_bytes: What it may have at most, or None for whatever it has.

    Returns:
        Its content. Errors are those of ``head`` and ``read_range``.

    Raises:
        TooLargeError: If it has more.
    """
    found = head(bucket, key, endpoint=endpoint)
    if most_bytes is not None and found.size_bytes > most_bytes:
        raise TooLargeError(f"{found.size_bytes} bytes; accepted: at most {most_bytes}")
    content = io.BytesIO()
    for start in range(0, found.size_bytes, PART_BYTES):
        stop = min(start + PART_BYTES, found.size_bytes)
        content.write(read_range(bucket, key, start, stop, etag=found.etag, endpoint=endpoint))
    return content.getvalue()


def put(bucket: str, key: str, content: bytes, *, endpoint: str | None, only_new: bool = False) -> bool:
    """Write an object in one request, so that readers see all of it or nothing.

    Args:
        bucket: Its name.
        key: As it is.
        content: All of it.
        endpoint: Of the store, or None for the environment's.
        only_new: Do not replace an object that is there (``If-None-Match: *``); some stores ignore this.

    Returns:
        Whether it was written; False only with ``only_new``, also where the answer to a write that succeeded was lost
        and the client sent it again. Other errors are those of ``call``.
    """
    condition = {"IfNoneMatch": "*"} if only_new else {}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            call(endpoint, "put_object", Bucket=bucket, Key=key, Body=content, **condition)
        except ChangedError as error:
            # Two writes at once: neither may have won, and the store asks to try again.
            if code_of(error) not in AT_ONCE or attempt == ATTEMPTS:
                return False
            time.sleep(wait_s(attempt))
        else:
            break
    return True


def delete(bucket: str, key: str, *, endpoint: str | None) -> None:
    """Delete an object; one that is not there is no error. Others are those of ``call``."""
    call(endpoint, "delete_object", Bucket=bucket, Key=key)


def _answer(endpoint: str | None, wanted: dict[str, Any], *, etag: str, is_last: bool) -> dict[str, Any] | None:
    """Ask for a range; None where the store says that the object was replaced although it was not.

    Raises:
        ChangedError: If it was.
    """
    try:
        return call(endpoint, "get_object", **wanted)
    except ChangedError:
        # Stores and what stands before them have been seen to say so of objects that nobody touched.
        if is_last or head(wanted["Bucket"], wanted["Key"], endpoint=endpoint).etag != etag:
            raise
        return None


def _body(answer: dict[str, Any], *, endpoint: str | None) -> bytes | None:
    """The content of an answer; None if the connection was cut."""
    try:
        content: bytes = sync(connect(endpoint).loop, _read_and_close, answer["Body"], timeout=BODY_TIMEOUT_S)
    except CLIENT_ERRORS:
        return None
    return content


async def _read_and_close(body: Any) -> bytes:
    try:
        content: bytes = await body.read()
    finally:
        body.close()
    return content


def _described(key: str, answer: dict[str, Any], *, size_bytes: int) -> S3Object:
    return S3Object(
        key=key,
        etag=_bare(answer["ETag"]),
        size_bytes=size_bytes,
        last_modified_s=answer["LastModified"].timestamp(),
    )


def _bare(etag: str) -> str:
    return etag.strip('"')

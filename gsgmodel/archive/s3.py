"""An S3 API by its requests: listing page by page, single objects, ranges pinned to an etag, conditional puts.

Requests go through s3fs, which brings the client, its event loop and its retries. Its paths are not used, because
they drop doubled slashes and read ``?versionId=`` out of a key; here a key is what it is, byte for byte. Credentials
and region are found by botocore in the environment of each process; none passes through here.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)
from fsspec.asyn import sync
from s3fs import S3FileSystem

from gsgmodel.errors import ChangedError, ConfigError, DeniedError, MissingError, UnavailableError, VideoError
from gsgmodel.redact import redact

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 30.0
"""Of silence."""
BODY_TIMEOUT_S = 120.0
"""For one range; below 70 kB/s at the largest one that is asked for."""
ATTEMPTS = 4
"""Tries of a request that the store did not answer, or answered with 5xx or "slow down"; waits grow to seconds."""
PAGE_KEYS = 1000
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z")
_ENDPOINT = re.compile(r"https?://[^/?#\s@]+/?\Z")
_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, TokenRetrievalError)
_GONE = frozenset({"NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404"})
_REFUSED = frozenset(
    {"AccessDenied", "AllAccessDisabled", "ExpiredToken", "InvalidAccessKeyId", "InvalidObjectState", "InvalidToken"}
    | {"RequestTimeTooSkewed", "SignatureDoesNotMatch", "AccountProblem", "403"}
)
_REPLACED = frozenset({"PreconditionFailed", "InvalidRange", "412", "416"})
_ELSEWHERE = frozenset({"PermanentRedirect", "IllegalLocationConstraintException", "301", "307"})


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Object:
    """One object as a listing or a HEAD request describes it."""

    key: str
    etag: str
    """Without its quotation marks."""
    size_bytes: int
    last_modified_s: float
    """Seconds since the epoch, UTC."""


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key of an ``s3://`` URI; the key is what follows the bucket's slash, as it is.

    >>> split_uri("s3://archive/2026//a%41 #1.mp4")
    ('archive', '2026//a%41 #1.mp4')

    Raises:
        ConfigError: If there is no bucket, its name cannot be one, or somebody put credentials before it.
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    if "@" in bucket or ":" in bucket:
        raise ConfigError("an s3:// URI holds credentials; accepted: s3://BUCKET/KEY, credentials in the environment")
    if not _BUCKET.match(bucket):
        raise ConfigError(f"{uri!r} names no bucket; accepted: s3://BUCKET/KEY")
    return bucket, key


def check_endpoint(endpoint: str | None) -> None:
    """Make sure that an endpoint is the address of a server and nothing else.

    Raises:
        ConfigError: If it is not; its value is shown without whatever credentials are in it.
    """
    if endpoint is not None and not _ENDPOINT.match(endpoint):
        raise ConfigError(f"--s3-endpoint is {redact(endpoint)!r}; accepted: http(s)://HOST[:PORT], no credentials")


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
    """What the store says of one object; errors are those of ``call``."""
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
    answer = call(endpoint, "get_object", **wanted)
    attempt = 1
    while (content := _body(answer, endpoint=endpoint)) is None:
        # The client's own retries end where an answer's body begins.
        if attempt == ATTEMPTS:
            raise UnavailableError("the connection was cut while reading, again and again")
        attempt += 1
        answer = call(endpoint, "get_object", **wanted)
    if _bare(answer.get("ETag", "")) != etag:
        raise ChangedError("replaced since it was listed")
    if len(content) != stop - start:
        raise ChangedError(f"{len(content)} bytes came where {stop - start} were listed")
    return content


def read_whole(bucket: str, key: str, *, endpoint: str | None) -> bytes:
    """All bytes of an object that is small and nobody's video; errors are those of ``call``."""
    found = head(bucket, key, endpoint=endpoint)
    if not found.size_bytes:
        return b""
    return read_range(bucket, key, 0, found.size_bytes, etag=found.etag, endpoint=endpoint)


def put(bucket: str, key: str, content: bytes, *, endpoint: str | None, only_new: bool = False) -> bool:
    """Write an object in one request, so that readers see all of it or nothing.

    Args:
        bucket: Its name.
        key: As it is.
        content: All of it.
        endpoint: Of the store, or None for the environment's.
        only_new: Do not replace an object that is there (``If-None-Match: *``); some stores ignore this.

    Returns:
        Whether it was written; False only with ``only_new``. Other errors are those of ``call``.
    """
    condition = {"IfNoneMatch": "*"} if only_new else {}
    try:
        call(endpoint, "put_object", Bucket=bucket, Key=key, Body=content, **condition)
    except ChangedError:
        return False
    return True


def delete(bucket: str, key: str, *, endpoint: str | None) -> None:
    """Delete an object; one that is not there is no error. Others are those of ``call``."""
    call(endpoint, "delete_object", Bucket=bucket, Key=key)


def call(endpoint: str | None, operation: str, **parameters: Any) -> dict[str, Any]:
    """Send one request, again a few times where the store was busy or did not answer.

    Args:
        endpoint: Of the store, or None for the environment's.
        operation: As botocore names it, such as ``head_object``.
        parameters: Of the operation.

    Returns:
        botocore's answer. What is not there is a ``MissingError``; without permission or valid credentials a
        ``DeniedError``; an unmet condition or range a ``ChangedError``; everything else an ``UnavailableError``.
    """
    with _named_errors():
        answer: dict[str, Any] = connect(endpoint).call_s3(operation, **parameters)
    return answer


@cache
def connect(endpoint: str | None) -> S3FileSystem:
    """The process's client of a store; nothing is sent yet."""
    retries = {"mode": "standard", "max_attempts": ATTEMPTS}
    timeouts = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S}
    store = S3FileSystem(endpoint_url=endpoint, config_kwargs={"retries": retries, **timeouts})
    # Its own retries come on top of botocore's, for errors that both know: once is enough.
    store.retries = 1
    return store


def _body(answer: dict[str, Any], *, endpoint: str | None) -> bytes | None:
    """The content of an answer; None if the connection was cut."""
    try:
        content: bytes = sync(connect(endpoint).loop, answer["Body"].read, timeout=BODY_TIMEOUT_S)
    except (OSError, BotoCoreError, aiohttp.ClientError):
        return None
    finally:
        answer["Body"].close()
    return content


@contextmanager
def _named_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, BotoCoreError, aiohttp.ClientError) as error:
        raise _video_error(error) from error


def _video_error(error: Exception) -> VideoError:
    """What an error of the client says about the object: missing, denied, replaced, or the store unavailable."""
    cause = error.__cause__
    if not isinstance(cause, ClientError):
        kind = DeniedError if isinstance(error, _NO_CREDENTIALS) else UnavailableError
        return kind(redact(f"{type(error).__name__}: {error}"))
    code = str(cause.response["Error"].get("Code", ""))
    text = redact(f"{cause.response['Error'].get('Message') or cause} ({code})")
    if code in _GONE:
        return MissingError(text)
    if code in _REFUSED:
        return DeniedError(text)
    if code in _REPLACED:
        return ChangedError(text)
    if code in _ELSEWHERE:
        return UnavailableError(f"the bucket lies in another region, set AWS_REGION: {text}")
    return UnavailableError(text)


def _described(key: str, answer: dict[str, Any], *, size_bytes: int) -> S3Object:
    return S3Object(
        key=key,
        etag=_bare(answer["ETag"]),
        size_bytes=size_bytes,
        last_modified_s=answer["LastModified"].timestamp(),
    )


def _bare(etag: str) -> str:
    return etag.strip('"')

"""How an object is named and when two are the same: canonical URIs, local paths, buckets and keys, and video ids.

A local object's URI is absolute but its links are not followed: a video is what its name says, so a link and its
target are two videos, and a link that is pointed elsewhere is a changed one. A key of S3 is what it is, byte for
byte: nothing in it is escaped, resolved or cut. This module is also the only place that knows which schemes exist.
"""

import hashlib
import os
import re
from pathlib import Path
from urllib.parse import unquote_to_bytes

from gsgmodel.errors import ConfigError
from gsgmodel.redact import redact

ACCEPTED = "a local path, a file:// or an s3:// URI"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://")
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}\Z")
_ENDPOINT = re.compile(r"https?://[^/?#\s@]+/?\Z")


def is_uri(text: str) -> bool:
    """Whether a text begins with a scheme; everything else is a path.

    >>> is_uri("s3://bucket/a.mp4"), is_uri("/data/a.mp4"), is_uri("c:d.mp4")
    (True, False, False)
    """
    return _SCHEME.match(text) is not None


def is_s3(text: str) -> bool:
    """Whether a text is an ``s3://`` URI, in whatever case its scheme is written.

    >>> is_s3("s3://bucket/a.mp4"), is_s3("S3://bucket"), is_s3("s3:a.mp4"), is_s3("/s3://bucket/a.mp4")
    (True, True, False, False)
    """
    match = _SCHEME.match(text)
    return match is not None and match[1].lower() == "s3"


def split_uri(uri: str) -> tuple[str, str]:
    """The bucket and the key of an ``s3://`` URI; the key is what follows the bucket's slash, as it is.

    >>> split_uri("s3://archive/2026//a%41 #1.mp4")
    ('archive', '2026//a%41 #1.mp4')

    Raises:
        ConfigError: If there is no bucket, its name cannot be one, somebody put credentials before it, or the key is
            not UTF-8.
    """
    bucket, _, key = uri.partition("://")[2].partition("/")
    if "@" in bucket or ":" in bucket:
        raise ConfigError("an s3:// URI holds credentials; accepted: s3://BUCKET/KEY, credentials in the environment")
    if not _BUCKET.match(bucket):
        raise ConfigError(f"{uri!r} names no bucket; accepted: s3://BUCKET/KEY")
    if any("\ud800" <= letter <= "\udfff" for letter in key):
        raise ConfigError(f"{uri!r} is not UTF-8; accepted: s3://BUCKET/KEY, as every key of S3 is")
    return bucket, key


def check_endpoint(endpoint: str | None) -> None:
    """Make sure that an endpoint is the address of a server and nothing else.

    Raises:
        ConfigError: If it is not; its value is shown without whatever credentials are in it.
    """
    if endpoint is not None and not _ENDPOINT.match(endpoint):
        raise ConfigError(f"--s3-endpoint is {redact(endpoint)!r}; accepted: http(s)://HOST[:PORT], no credentials")


def local_path(uri: str) -> Path:
    """The absolute path that a path or ``file://`` URI names; its links are not followed.

    Args:
        uri: A path, relative to the working directory, taken literally (``%41`` is three characters); or a
            ``file://`` URI, percent-encoded, whose bytes need not be UTF-8.

    Returns:
        An absolute path without ``.``, ``..`` or doubled slashes.

    Raises:
        ConfigError: If the URI is of S3 or its scheme is not supported, it names another machine or no absolute path,
            or the name is empty or holds a NUL.
    """
    match = _SCHEME.match(uri)
    if match is None:
        path = uri
    elif match[1].lower() == "file":
        host, slash, tail = uri[match.end() :].partition("/")
        if not slash or host not in {"", "localhost"}:
            raise ConfigError(f"{uri!r} is not a local file:// URI; accepted: {ACCEPTED}")
        path = os.fsdecode(unquote_to_bytes(os.fsencode(slash + tail)))
    elif is_s3(uri):
        raise ConfigError(f"{uri!r} is not local; accepted here: a local path or file:// URI")
    else:
        raise ConfigError(f"{match[1]}:// is not supported; accepted: {ACCEPTED}")
    if not path or "\0" in path:
        raise ConfigError(f"{uri!r} is not the name of a file or folder; accepted: {ACCEPTED}")
    if ".." in path.split("/"):
        # Dropping "link/.." by its letters would name another file where the link leads elsewhere.
        folder, name = os.path.split(path.rstrip("/"))
        path = os.path.realpath(path) if name in {"..", "."} else f"{os.path.realpath(folder)}/{name}"
    return Path("/" + os.path.abspath(path).lstrip("/"))  # noqa: PTH100 - POSIX keeps "//" at the front otherwise


def canonical_uri(name: str | os.PathLike[str]) -> str:
    """The one URI of an object, whatever way it is named.

    Args:
        name: A local path, relative to the working directory; or a ``file://`` or ``s3://`` URI in any spelling.

    Returns:
        Of a local path: absolute, ``file://``, percent-encoded byte by byte, plain ASCII, and what ``local_path``
        turns back into the same path, whatever bytes are in its name. Of an object of S3: ``s3://bucket/`` and the
        key as it is. What names neither is a ``ConfigError``, as in ``local_path`` and ``split_uri``.
    """
    text = os.fspath(name)
    if is_s3(text):
        return "s3://{}/{}".format(*split_uri(text))
    return local_path(text).as_uri()


def video_id(uri: str, etag: str, size_bytes: int) -> bytes:
    """The identity of one version of one object.

    Args:
        uri: Canonical.
        etag: Changes whenever the object does.
        size_bytes: Not negative.

    Returns:
        16 bytes: BLAKE2b over the lengths and bytes of the uri and etag and the size, so that no two different
        inputs are fed to the hash as the same bytes.

    Raises:
        ValueError: If the size is negative.
    """
    if size_bytes < 0:
        raise ValueError(f"size_bytes is {size_bytes}; accepted: 0 or more")
    name, change = uri.encode("utf-8", "surrogateescape"), etag.encode("utf-8", "surrogateescape")
    content = len(name).to_bytes(8, "big") + name + len(change).to_bytes(8, "big") + change
    return hashlib.blake2b(content + size_bytes.to_bytes(16, "big"), digest_size=16).digest()

"""The place that results go to: whether it can be written, and what its errors mean."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from deltalake.exceptions import DeltaError

from gsgmodel.archive.identity import is_s3, local_path
from gsgmodel.archive.s3 import check_endpoint, split_uri
from gsgmodel.errors import ConfigError, OutputError, VideoError
from gsgmodel.redact import redact
from gsgmodel.results.buckets import S3Place
from gsgmodel.results.places import LocalPlace, Place

# deltalake decodes names twice and its query engine turns folders into host names.
_REFUSED_NAME = re.compile(r"[\x00-\x1f\x7f\\\[\]|^]|%[0-9A-Fa-f]{2}|[\ud800-\udfff]")
_REFUSED_KEY = re.compile(r"[\x00-\x1f\x7f]|%[0-9A-Fa-f]{2}|(?:\A|(?<=/))\.{0,2}(?:/|\Z)")
_OS_ERROR = re.compile(r"(?:os error |code: )(\d+)")
# Errors of deltalake's client of S3 are a chain, one cause a line, the store's own answer last.
_OF_STORE = re.compile(r"Generic S3 error|Error performing ")
_STEP = re.compile(r"\n\s*(?:\x1b\[\d+m)?\u21b3(?:\x1b\[0m)?\s*")
_CODE, _MESSAGE = re.compile(r"<Code>([^<]*)</Code>"), re.compile(r"<Message>([^<]*)</Message>")
_OTHER_REGION = "incorrectly configured region"


def output_place(output_uri: str, *, s3_endpoint: str | None = None) -> Place:
    """The place that results go to.

    Args:
        output_uri: A path, ``file://`` URI or ``s3://BUCKET/PREFIX``.
        s3_endpoint: Of the store, or None for the environment's.

    Returns:
        The place; nothing is looked at. A scheme that is not supported, or an endpoint that is none, is a
        ``ConfigError``.

    Raises:
        ConfigError: If the key has characters that the table's library cannot handle.
    """
    if not is_s3(output_uri):
        return LocalPlace(output_folder(output_uri))
    check_endpoint(s3_endpoint)
    bucket, key = split_uri(output_uri)
    prefix = key.rstrip("/")
    match = _REFUSED_KEY.search(prefix) if prefix else None
    if match:
        raise ConfigError(
            f"--output {output_uri!r} has {match[0]!r} in its key; accepted: any text without control characters, "
            "doubled slashes, the names . and .., and % followed by two hexadecimal digits"
        )
    return S3Place(bucket, prefix, s3_endpoint)


def output_folder(output_uri: str) -> Path:
    """The local folder that results go to.

    Args:
        output_uri: A path or ``file://`` URI.

    Returns:
        Its absolute path. A scheme that is not supported is a ``ConfigError``.

    Raises:
        ConfigError: If the path has characters that the table's library cannot handle.
    """
    folder = local_path(output_uri)
    match = _REFUSED_NAME.search(str(folder))
    if match:
        raise ConfigError(
            f"--output {str(folder)!r} has {match[0]!r} in its path; accepted: any text without control characters, "
            "backslash, [, ], |, ^ and % followed by two hexadecimal digits"
        )
    return folder


RESULT_FOLDERS = ("videos", "videos/_delta_log", "runs")
"""Of an output that scans write to."""


def check_writable(output_uri: str, *, s3_endpoint: str | None = None, folders: Sequence[str] = RESULT_FOLDERS) -> bool:
    """Make sure that results can be written, before any work and without leaving anything behind.

    Args:
        output_uri: The place that the table and the runs go to; a local folder need not exist yet.
        s3_endpoint: Of the store, or None for the environment's.
        folders: Those in it that are written to.

    Returns:
        Whether what is there can be kept from being replaced. Where it cannot, as with some stores of S3, only one
        run at a time may write to the table.

    Raises:
        ConfigError: If it, or the nearest folder above it that exists, is no folder or cannot be written; if there is
            no such bucket, no permission, no valid credentials or no answer; or if the store refuses conditional
            requests.
    """
    place = output_place(output_uri, s3_endpoint=s3_endpoint)
    # Folders on a disk have rights of their own.
    probed = folders if isinstance(place, LocalPlace) else ()
    try:
        return all([place.probe(), *((place / name).probe() for name in probed)])
    except (OSError, VideoError) as error:
        raise ConfigError(f"--output {place.uri!r} cannot be written: {reason(error)}") from error


def reason(error: Exception) -> str:
    """What went wrong, in a few words: the operating system's or the store's own where it was one of them."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    text = str(error)
    number, code, message = _OS_ERROR.search(text), _CODE.search(text), _MESSAGE.search(text)
    if code:
        return redact(f"{message[1] if message else 'refused by the store'} ({code[1]})")
    if number:
        return os.strerror(int(number[1]))
    if _OTHER_REGION in text:
        return "the bucket lies in another region, set AWS_REGION"
    said = _STEP.split(text)[-1] if _OF_STORE.search(text) else text
    return redact(said.strip().partition("\n")[0])


@contextmanager
def output_errors(uri: str) -> Iterator[None]:
    """Turn what the operating system or the store says while results are written into one sentence.

    Args:
        uri: Of what is being written, for the sentence.

    Raises:
        OutputError: If the disk is full, permission is lost, the store does not answer, or the like.
        DeltaError: As it came, if it is neither of the operating system nor of the store: conflicts and bugs.
    """
    try:
        yield
    except (OSError, VideoError) as error:
        raise OutputError(f"results cannot be written to {uri!r}: {reason(error)}") from error
    except DeltaError as error:
        if not _is_outside(error):
            raise
        raise OutputError(f"results cannot be written to {uri!r}: {reason(error)}") from error


@contextmanager
def reading_errors(uri: str) -> Iterator[None]:
    """Turn what the operating system or the store says while results are read into one sentence.

    Args:
        uri: Of what is being read, for the sentence.

    Raises:
        ConfigError: If permission is lost, the store does not answer, or the like. What is neither of the operating
            system nor of the store passes as it came.
    """
    try:
        yield
    except Exception as error:
        # deltalake's query engine raises nothing narrower when it cannot read a file.
        if not isinstance(error, OSError | VideoError) and not _is_outside(error):
            raise
        raise ConfigError(f"results cannot be read in {uri!r}: {reason(error)}") from error


def _is_outside(error: Exception) -> bool:
    return bool(_OS_ERROR.search(str(error)) or _OF_STORE.search(str(error)))

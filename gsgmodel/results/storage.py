"""The folder that results go to: whether it can be written, and what its errors mean."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deltalake.exceptions import DeltaError

from gsgmodel.archive.identity import local_path
from gsgmodel.errors import ConfigError, OutputError

# deltalake decodes names twice and its query engine turns folders into host names.
_REFUSED_NAME = re.compile(r"[\x00-\x1f\x7f\\\[\]|^]|%[0-9A-Fa-f]{2}|[\ud800-\udfff]")
_OS_ERROR = re.compile(r"(?:os error |code: )(\d+)")


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
            f"output {str(folder)!r} has {match[0]!r} in its path; accepted: any text without control characters, "
            "backslash, [, ], |, ^ and % followed by two hexadecimal digits"
        )
    return folder


def check_writable(output_uri: str) -> None:
    """Make sure that results can be written, before any work and without leaving anything behind.

    Args:
        output_uri: The folder that the table and the runs go to; it need not exist yet.

    Raises:
        ConfigError: If it, or the nearest folder above it that exists, is no folder or cannot be written.
    """
    folder = output_folder(output_uri)
    try:
        for place in (folder, folder / "videos", folder / "videos" / "_delta_log", folder / "runs"):
            if place == folder or os.path.lexists(place):
                _probe(place)
    except OSError as error:
        raise ConfigError(f"output {str(folder)!r} cannot be written: {reason(error)}") from error


def _probe(place: Path) -> None:
    while not os.path.lexists(place):
        place = place.parent
    with tempfile.NamedTemporaryFile(dir=place, prefix=".writable-"):
        return


def reason(error: Exception) -> str:
    """What went wrong, in a few words: the operating system's where it was that."""
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    number = _OS_ERROR.search(str(error))
    return os.strerror(int(number[1])) if number else str(error).partition("\n")[0]


@contextmanager
def output_errors(place: Path) -> Iterator[None]:
    """Turn what the operating system says while results are written into one sentence.

    Args:
        place: What is being written, for the sentence.

    Raises:
        OutputError: If the disk is full, permission is lost, or the like.
        DeltaError: As it came, if it is not of the operating system: conflicts and bugs.
    """
    try:
        yield
    except OSError as error:
        raise OutputError(f"results cannot be written to {str(place)!r}: {reason(error)}") from error
    except DeltaError as error:
        if _OS_ERROR.search(str(error)) is None:
            raise
        raise OutputError(f"results cannot be written to {str(place)!r}: {reason(error)}") from error

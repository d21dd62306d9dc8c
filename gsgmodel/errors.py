"""What can go wrong, named: settings, videos, and the world around them.

The lowest room: everything else may use it. A ``ConfigError``, ``OutputError``, ``DecoderError`` or ``TrainingError``
ends a run with one sentence; a ``VideoError`` becomes a row with its status; anything else is a bug and ends the run
loudly.
"""

from enum import StrEnum


class Status(StrEnum):
    """How the scoring of one video ended."""

    SCORED = "scored"
    NO_FACE = "no_face"
    TOO_SHORT = "too_short"
    UNREADABLE = "unreadable"
    UNSUPPORTED = "unsupported"
    TOO_LARGE = "too_large"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    CHANGED = "changed"
    MISSING = "missing"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"


TERMINAL = frozenset(
    {
        Status.SCORED,
        Status.NO_FACE,
        Status.TOO_SHORT,
        Status.UNREADABLE,
        Status.UNSUPPORTED,
        Status.TOO_LARGE,
        Status.TIMEOUT,
        Status.CRASHED,
    }
)
"""Statuses that go into the table; the others are the world's fault and are tried by the next run."""


class ConfigError(Exception):
    """A setting cannot work; the message names it, its value and what is accepted."""


class OutputError(Exception):
    """Results cannot be written (disk full, permission lost); what was committed before stays."""


class DecoderError(Exception):
    """Decoders die at so many videos that it cannot be the videos' fault; what was committed before stays."""


class DriftError(Exception):
    """A machine judges a model's own clips otherwise than they were judged; what it scored is not to be believed."""


class BusyError(Exception):
    """Another run does this work, and this one was told to leave it to that; no failure."""


class TrainingError(Exception):
    """Training cannot go on: the loss is no number, workers keep dying; checkpoints stay."""


class VideoError(Exception):
    """A video that cannot be scored; ``status`` says how its row reads."""

    status: Status


class TooShortError(VideoError):
    """The video track has no duration and no picture that is video."""

    status = Status.TOO_SHORT


class UnreadableError(VideoError):
    """Not a video that can be parsed, or too little of it decodes."""

    status = Status.UNREADABLE


class UnsupportedError(VideoError):
    """A container or codec outside the allowlist, encrypted, or no moving picture in it."""

    status = Status.UNSUPPORTED


class TooLargeError(VideoError):
    """Over a limit on pixels, bytes, frames or memory."""

    status = Status.TOO_LARGE


class DecodeTimeoutError(VideoError):
    """Decoding took longer than its limit."""

    status = Status.TIMEOUT


class ChangedError(VideoError):
    """The object was replaced between listing and reading."""

    status = Status.CHANGED


class MissingError(VideoError):
    """The object is gone."""

    status = Status.MISSING


class DeniedError(VideoError):
    """No permission to read the object."""

    status = Status.DENIED


class UnavailableError(VideoError):
    """The store failed or did not answer."""

    status = Status.UNAVAILABLE

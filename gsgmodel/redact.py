"""Credentials taken out of whatever is printed, logged or kept: keys, signatures, passwords in URLs.

The lowest room beside the errors, because every other one may have a text that came from outside.
"""

import logging
import os
import re
import sys
import threading
import traceback
from types import TracebackType

HIDDEN = "[hidden]"
_SECRET_VARIABLES = (
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    *("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "RAY_AUTH_TOKEN"),
)
_LEAST_SECRET = 8
"""Shorter values of these variables are words that would be taken out of everything."""
_PATTERNS = (
    # Signed URLs and headers, query parameters, and assignments as in a configuration.
    re.compile(
        r"(?i)(\b(?:X-Amz-(?:Signature|Credential|Security-Token)|AWSAccessKeyId|Signature|Credential"
        r"|aws_secret_access_key|aws_session_token|aws_access_key_id|secret(?:_?access)?_?key|session_?token"
        r"|password|passwd|access_token|api_?key)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',;<>]+"
    ),
    re.compile(r"(?i)(\bauthorization[\"']?\s*[=:]\s*[\"']?(?:bearer|basic|token)\s+)[^\s\"',;<>]+"),
    re.compile(r"(?i)(\b[a-z][a-z0-9+.\-]*://)[^\s/?#@]+(?=@)"),
    re.compile(r"()\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
)


def redact(text: str) -> str:
    """A text without the credentials that can be told by their form or that this process's environment holds.

    >>> redact("GET https://store/a.mp4?X-Amz-Signature=0f3b&part=1 by AKIAIOSFODNN7EXAMPLE")
    'GET https://store/a.mp4?X-Amz-Signature=[hidden]&part=1 by [hidden]'
    >>> redact("http://me:secret@mlflow:5000")
    'http://[hidden]@mlflow:5000'
    """
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _LEAST_SECRET:
            text = text.replace(value, HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1{HIDDEN}", text)
    return text


class RedactingFilter(logging.Filter):
    """Takes credentials out of log records, tracebacks included."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without its credentials."""
        record.msg, record.args = redact(record.getMessage()), None
        if record.exc_info:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return True


def hide_credentials() -> None:
    """From here on nothing that this process logs, and no traceback that ends it, shows a credential."""
    make = logging.getLogRecordFactory()
    if getattr(make, "is_redacting", False):
        return
    redacting = RedactingFilter()

    def make_redacted(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make(*args, **kwargs)
        redacting.filter(record)
        return record

    # A factory reaches every logger and handler, also those that a library makes later; a filter does not.
    make_redacted.is_redacting = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(make_redacted)
    sys.excepthook = _print_redacted
    threading.excepthook = lambda ended: _print_redacted(
        ended.exc_type, ended.exc_value or ended.exc_type(), ended.exc_traceback
    )


def _print_redacted(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.stderr.write(redact("".join(traceback.format_exception(kind, error, trace))))

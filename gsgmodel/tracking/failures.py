"""What went wrong at MLflow, in words; without MLflow, which may be what fails."""

import re
import tempfile
from collections.abc import Iterator

from gsgmodel.redact import redact

UNAUTHORIZED, FORBIDDEN, FAILING = 401, 403, 500
_TOO_MANY = re.compile(r"too many (\d{3}) error responses")
_STATUS = re.compile(r"error code (\d{3})")
_FULL = "No space left on device"
_CODES = {"UNAUTHENTICATED": UNAUTHORIZED, "CUSTOMER_UNAUTHORIZED": UNAUTHORIZED, "PERMISSION_DENIED": FORBIDDEN}
_MOST_CHARACTERS = 300


def reason_of(error: BaseException) -> str:
    """What went wrong, in words that follow ``MLflow``; without credentials."""
    texts = " ".join(str(each) for each in _chain(error))
    status = _http_status(error, texts)
    if status == UNAUTHORIZED:
        return (
            "wants other credentials (HTTP 401): MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
            "or MLFLOW_TRACKING_TOKEN"
        )
    if status == FORBIDDEN:
        return "does not permit it (HTTP 403)"
    if status >= FAILING:
        return f"fails (HTTP {status})"
    text = " ".join(redact(getattr(error, "message", None) or str(error)).split())
    return _way_there(error, texts) or f"says: {text[:_MOST_CHARACTERS].rstrip('.')}"


def _way_there(error: BaseException, texts: str) -> str | None:
    """What failed on the way to MLflow or below it; None if MLflow itself said what."""
    if _FULL in texts:
        return f"does not get it: no space is left on its disk, or on that of {tempfile.gettempdir()}"
    if "timed out" in texts or "timeout" in texts.lower():
        return "does not answer in time"
    if "Connection" in texts and any(isinstance(each, OSError) for each in _chain(error)):
        return "cannot be reached"
    return None


def _http_status(error: BaseException, texts: str) -> int:
    for each in _chain(error):
        status = getattr(getattr(each, "response", None), "status_code", None)
        if isinstance(status, int):
            return status
        code = getattr(each, "error_code", None)
        if code in _CODES:
            return _CODES[code]
    found = _TOO_MANY.search(texts) or _STATUS.search(texts)
    return int(found[1]) if found else 0


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__

"""What goes wrong between an S3 client and its store, as errors of a video, in one line and without credentials."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
    TokenRetrievalError,
)

from gsgmodel.errors import ChangedError, DeniedError, MissingError, UnavailableError, VideoError
from gsgmodel.redact import redact

CLIENT_ERRORS = (OSError, BotoCoreError, aiohttp.ClientError)
"""What a request may raise; s3fs turns answers that are errors into an ``OSError`` with botocore's as its cause."""
_MOST_TEXT = 300
"""Letters of somebody else's words that are kept."""
_NO_CREDENTIALS = (CredentialRetrievalError, NoCredentialsError, PartialCredentialsError, TokenRetrievalError)
_GONE = frozenset({"KeyTooLongError", "NoSuchKey", "NoSuchBucket", "NoSuchVersion", "404"})
EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
"""Credentials that were good, and may be renewed."""
AT_ONCE = frozenset({"ConditionalRequestConflict", "OperationAborted", "409"})
"""Another write to the same object was under way."""
_REFUSED = frozenset(
    {"AccessDenied", "AllAccessDisabled", "InvalidAccessKeyId", "InvalidObjectState", "InvalidToken"}
    | EXPIRED
    | {"RequestTimeTooSkewed", "SignatureDoesNotMatch", "AccountProblem", "InvalidSecurity", "401", "403"}
)
_REPLACED = AT_ONCE | frozenset({"PreconditionFailed", "InvalidRange", "412", "416"})
_ELSEWHERE = frozenset(
    {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "PermanentRedirect", "301", "307"}
)


@contextmanager
def named_errors() -> Iterator[None]:
    """Whatever a request raises inside becomes a ``VideoError``; anything else is a bug and passes."""
    try:
        yield
    except CLIENT_ERRORS as error:
        named = as_video_error(error)
        raise named from error


def code_of(error: BaseException) -> str:
    """The code of the answer that an error goes back to: a bare number where it had no body, empty without answer."""
    return _answer(error)[0]


def as_video_error(error: Exception) -> VideoError:
    """What an error of the client says about the object: missing, denied, replaced, or the store unavailable."""
    code, text = _answer(error)
    text = " ".join(redact(text or str(error) or type(error).__name__).split())[:_MOST_TEXT]
    if isinstance(error, _NO_CREDENTIALS):
        return DeniedError(f"no credentials in the environment: {text}")
    if code in _ELSEWHERE:
        return UnavailableError(f"the bucket lies in another region, set AWS_REGION: {text} ({code})")
    kinds = ((_GONE, MissingError), (_REFUSED, DeniedError), (_REPLACED, ChangedError))
    kind = next((kind for codes, kind in kinds if code in codes), UnavailableError)
    return kind(f"{text} ({code})" if code else text)


def _answer(error: BaseException | None) -> tuple[str, str]:
    """Code and words of the store's answer; both empty if there was none."""
    while error is not None and not isinstance(error, ClientError):
        error = error.__cause__
    if error is None:
        return "", ""
    found = error.response.get("Error", {})
    return str(found.get("Code", "")), str(found.get("Message", ""))

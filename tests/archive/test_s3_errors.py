"""Errors of the client become those of a video."""

import aiohttp
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from s3fs.errors import translate_boto_error

from gsgmodel.archive.s3_errors import as_video_error, code_of, named_errors
from gsgmodel.errors import ChangedError, DeniedError, MissingError, UnavailableError, VideoError


def answered(code: str, message: str = "Words.") -> Exception:
    """As s3fs raises it."""
    return translate_boto_error(ClientError({"Error": {"Code": code, "Message": message}}, "GetObject"))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NoSuchKey", MissingError),
        ("NoSuchBucket", MissingError),
        ("KeyTooLongError", MissingError),
        ("404", MissingError),
        ("AccessDenied", DeniedError),
        ("ExpiredToken", DeniedError),
        ("InvalidAccessKeyId", DeniedError),
        ("InvalidToken", DeniedError),
        ("SignatureDoesNotMatch", DeniedError),
        ("InvalidObjectState", DeniedError),
        ("403", DeniedError),
        ("PreconditionFailed", ChangedError),
        ("ConditionalRequestConflict", ChangedError),
        ("InvalidRange", ChangedError),
        ("412", ChangedError),
        ("SlowDown", UnavailableError),
        ("InternalError", UnavailableError),
        ("PermanentRedirect", UnavailableError),
        ("SomethingNew", UnavailableError),
    ],
)
def test_a_code_says_what_is_wrong_with_the_object(code, kind):
    error = as_video_error(answered(code))
    assert type(error) is kind
    assert str(error).endswith(f"Words. ({code})")
    assert code_of(answered(code)) == code


def test_another_region_says_what_to_set():
    error = as_video_error(answered("AuthorizationHeaderMalformed", "expecting 'eu-west-1'"))
    assert str(error) == (
        "the bucket lies in another region, set AWS_REGION: expecting 'eu-west-1' (AuthorizationHeaderMalformed)"
    )


def test_without_an_answer_the_store_is_unavailable():
    down = EndpointConnectionError(endpoint_url="http://store/a")
    assert str(as_video_error(down)) == 'Could not connect to the endpoint URL: "http://store/a"'
    for error in (TimeoutError(), aiohttp.ClientPayloadError("cut"), ConnectionResetError("reset"), down):
        assert type(as_video_error(error)) is UnavailableError
        assert str(as_video_error(error))
        assert code_of(error) == ""


def test_missing_credentials_are_said_so():
    error = as_video_error(NoCredentialsError())
    assert type(error) is DeniedError
    assert str(error) == "no credentials in the environment: Unable to locate credentials"


def test_a_stores_words_are_one_short_line_without_credentials():
    words = "line\n  two X-Amz-Signature=0f3b&a AKIAIOSFODNN7EXAMPLE " + "x" * 1000
    text = str(as_video_error(answered("500", words)))
    assert text.startswith("line two X-Amz-Signature=[hidden]&a [hidden] xxx")
    assert len(text) < 320


def test_named_errors_keep_their_cause_and_bugs_pass():
    with pytest.raises(VideoError) as caught, named_errors():
        raise answered("NoSuchKey")
    assert isinstance(caught.value.__cause__, FileNotFoundError)
    with pytest.raises(ZeroDivisionError), named_errors():
        raise ZeroDivisionError

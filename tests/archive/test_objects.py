"""Inputs on S3: found, listed, and refused in one sentence."""

from dataclasses import replace

import pytest

from gsgmodel.archive import s3 as store
from gsgmodel.archive.conditions import parse_filters
from gsgmodel.archive.listing import LeftOut
from gsgmodel.archive.objects import locate, named_object, walk_keys
from gsgmodel.errors import ConfigError
from gsgmodel.records import VideoRef
from tests import faults
from tests.archive.odd_keys import ODD_KEYS
from tests.servers import free_port

NO_FILTERS = parse_filters([])


def walked(bucket, prefix, endpoint, *filters, others=()) -> dict[str, str]:
    """Each key that comes out, with the reason if it is left out; none may come twice."""
    folder = f"s3://{bucket}/{prefix}"
    parsed = parse_filters(filters)
    found = list(walk_keys(folder, filters=parsed, others=others, endpoint=endpoint))
    outcome = {item.uri.removeprefix(f"s3://{bucket}/"): getattr(item, "reason", "") for item in found}
    assert len(outcome) == len(found)
    return outcome


@pytest.mark.parametrize("page_keys", [7, 1000])
def test_more_keys_than_a_page_come_out_once(fill, bucket, s3_environment, monkeypatch, page_keys):
    monkeypatch.setattr(store, "PAGE_KEYS", page_keys)
    count = 1010 if page_keys == 1000 else 50
    keys = [f"in/{number:04}.mp4" for number in range(count)]
    fill(*keys, "in.mp4", "inside.mp4", "other/a.mp4")
    assert walked(bucket, "in/", s3_environment) == dict.fromkeys(keys, "")


def test_keys_are_listed_while_they_are_taken(fill, bucket, proxy, monkeypatch):
    monkeypatch.setattr(store, "PAGE_KEYS", 5)
    fill(*(f"{number:02}.mp4" for number in range(20)))
    items = walk_keys(f"s3://{bucket}/", filters=NO_FILTERS, others=(), endpoint=proxy.url)
    assert proxy.count() == 0
    assert [next(items).uri for _ in range(5)] == [f"s3://{bucket}/{number:02}.mp4" for number in range(5)]
    assert proxy.count() == 1


@pytest.mark.parametrize("key", ODD_KEYS)
def test_odd_keys_are_listed_and_named_as_they_are(fill, bucket, s3_environment, key):
    fill(key)
    uri = f"s3://{bucket}/{key}"
    (listed,) = walk_keys(f"s3://{bucket}/", filters=parse_filters(["*"]), others=(), endpoint=s3_environment)
    assert listed == named_object(uri, filters=NO_FILTERS, endpoint=s3_environment)
    assert isinstance(listed, VideoRef)
    assert (listed.uri, listed.size_bytes) == (uri, 1)
    assert listed.etag == "9dd4e461268c8034f5c8564e155c67a6"
    assert locate(uri, endpoint=s3_environment) == uri


def test_suffixes_hidden_names_and_markers_are_left_out_and_said_so(fill, bucket, s3_environment):
    fill("in/", "in/a.mp4", "in/upload", "in/a.txt", "in/.b.mp4", "in/.git/c.mp4", "in/empty/", "in/d//e.MOV")
    assert walked(bucket, "in/", s3_environment) == {
        "in/": "directory_marker",
        "in/a.mp4": "",
        "in/upload": "",
        "in/a.txt": "suffix",
        "in/.b.mp4": "hidden",
        "in/.git/c.mp4": "hidden",
        "in/empty/": "directory_marker",
        "in/d//e.MOV": "",
    }


@pytest.mark.parametrize(
    ("filters", "videos"),
    [
        (["*"], {"in/a.mp4", "in/.b/c.txt", "in/d/e.mp4"}),
        (["*.txt"], {"in/.b/c.txt"}),
        (["d/*"], {"in/d/e.mp4"}),
        (["in/*"], set()),
        (["size<1"], set()),
        (["size>=1", "age<1h"], {"in/a.mp4", "in/d/e.mp4"}),
        (["age>1h"], set()),
        (["*", "age<1h"], {"in/a.mp4", "in/.b/c.txt", "in/d/e.mp4"}),
    ],
)
def test_filters_hold_as_on_a_disk(fill, bucket, s3_environment, filters, videos):
    fill("in/a.mp4", "in/.b/c.txt", "in/d/e.mp4", "in/m/")
    outcome = walked(bucket, "in/", s3_environment, *filters)
    assert {key for key, reason in outcome.items() if not reason} == videos
    assert outcome["in/m/"] == "directory_marker"
    assert len(outcome) == 4


def test_keys_of_other_inputs_are_skipped(fill, bucket, s3_environment):
    fill("in/a.mp4", "in/b/c.mp4", "in/b.mp4", "in/bc.mp4", "in/d.mp4")
    others = [f"s3://{bucket}/in/", f"s3://{bucket}/in/b/", f"s3://{bucket}/in/d.mp4", "s3://other/in/a.mp4"]
    assert set(walked(bucket, "in/", s3_environment, others=others)) == {"in/a.mp4", "in/b.mp4", "in/bc.mp4"}


def test_a_listing_that_breaks_off_is_one_sentence(fill, bucket, proxy, monkeypatch):
    monkeypatch.setattr(store, "PAGE_KEYS", 5)
    fill(*(f"in/{number:02}.mp4" for number in range(12)))
    proxy.add(faults.INTERNAL_ERROR, text="continuation-token")
    found = []
    with pytest.raises(ConfigError) as caught:
        found.extend(walk_keys(f"s3://{bucket}/in/", filters=NO_FILTERS, others=(), endpoint=proxy.url))
    assert str(caught.value) == (
        f"input 's3://{bucket}/in/': the listing broke off: We encountered an internal error. (InternalError)"
    )


def test_a_named_object_is_a_candidate_if_the_conditions_hold(fill, bucket, s3_environment):
    fill(".a.txt", "m/")
    options = {"endpoint": s3_environment}
    uri = f"s3://{bucket}/.a.txt"
    assert isinstance(named_object(uri, filters=parse_filters(["*.mp4", "size<2"]), **options), VideoRef)
    assert named_object(uri, filters=parse_filters(["size>1"]), **options) == LeftOut(
        uri=uri, size_bytes=1, reason="size", suffix=".txt"
    )
    for key, reason in (("m/", "directory_marker"), ("", "not_a_file"), ("n/", "missing"), ("gone.mp4", "missing")):
        assert named_object(f"s3://{bucket}/{key}", filters=NO_FILTERS, **options).reason == reason


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (faults.ACCESS_DENIED, "denied"),
        (faults.EXPIRED_TOKEN, "denied"),
        (faults.INTERNAL_ERROR, "unavailable"),
        (faults.PERMANENT_REDIRECT, "unavailable"),
    ],
)
def test_a_named_object_that_cannot_be_looked_at_says_why(fill, bucket, proxy, fault, reason):
    fill("a.mp4")
    proxy.add(fault)
    assert named_object(f"s3://{bucket}/a.mp4", filters=NO_FILTERS, endpoint=proxy.url).reason == reason


def test_an_input_is_an_object_if_there_is_one_else_a_folder(fill, bucket, s3_environment):
    fill("a", "a/b.mp4", "c/d.mp4")
    top = f"s3://{bucket}"
    for given, found in {
        top: f"{top}/",
        f"S3://{bucket}/": f"{top}/",
        f"{top}/a": f"{top}/a",
        f"{top}/a/": f"{top}/a/",
        f"{top}/c": f"{top}/c/",
        f"{top}/c/d.mp4": f"{top}/c/d.mp4",
    }.items():
        assert locate(given, endpoint=s3_environment) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("s3://{}/e/", "input 's3://{}/e/' is an empty folder: no key begins so"),
        ("s3://{}/a/", "input 's3://{}/a/' is an empty folder: no key begins so"),
        ("s3://{}/a.mp", "input 's3://{}/a.mp' does not exist: there is no such key, and none below it"),
        ("s3://no-such-{}/a", "input 's3://no-such-{}/a': The specified bucket does not exist (NoSuchBucket)"),
        ("s3://no-such-{}", "input 's3://no-such-{}/': The specified bucket does not exist (NoSuchBucket)"),
    ],
)
def test_an_input_that_is_not_there_is_one_sentence(fill, bucket, s3_environment, given, message):
    fill("a.mp4", "e/")
    with pytest.raises(ConfigError) as caught:
        locate(given.format(bucket), endpoint=s3_environment)
    assert str(caught.value) == message.format(bucket)


@pytest.mark.parametrize("given", ["s3://{}", "s3://{}/in/", "s3://{}/in", "s3://{}/in/a.mp4"])
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (faults.ACCESS_DENIED, "Access Denied (AccessDenied)"),
        (faults.EXPIRED_TOKEN, "The provided token has expired. (ExpiredToken)"),
        (faults.EXPIRED_TOKEN_403, "The security token has expired. (ExpiredToken)"),
        (faults.PERMANENT_REDIRECT, "the bucket lies in another region, set AWS_REGION: "),
        (replace(faults.SLOW_DOWN, message="(503)"), "(503)"),
    ],
)
def test_an_input_that_the_store_refuses_has_its_reason(fill, bucket, proxy, given, fault, message):
    fill("in/a.mp4")
    proxy.add(fault)
    with pytest.raises(ConfigError) as caught:
        locate(given.format(bucket), endpoint=proxy.url)
    assert str(caught.value).startswith(f"input 's3://{bucket}/")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("s3_environment", "no_waits")
def test_a_store_that_is_down_is_one_sentence():
    with pytest.raises(ConfigError, match=r"^input 's3://bucket/': Could not connect to the endpoint URL"):
        locate("s3://bucket", endpoint=f"http://127.0.0.1:{free_port()}")


def test_an_object_that_may_be_read_is_found_where_nothing_may_be_listed(fill, bucket, proxy):
    fill("in/a.mp4")
    proxy.add(faults.ACCESS_DENIED, text="list-type=2")
    uri = f"s3://{bucket}/in/a.mp4"
    assert locate(uri, endpoint=proxy.url) == uri
    assert isinstance(named_object(uri, filters=NO_FILTERS, endpoint=proxy.url), VideoRef)
    with pytest.raises(ConfigError, match="Access Denied"):
        locate(f"s3://{bucket}/in/", endpoint=proxy.url)


def test_a_folder_that_may_be_listed_is_found_where_its_name_may_not_be_asked_for(fill, bucket, proxy):
    fill("in/a.mp4")
    for method in ("HEAD", "GET"):
        proxy.add(faults.ACCESS_DENIED, method=method, text=f"{bucket}/in")
    assert locate(f"s3://{bucket}/in", endpoint=proxy.url) == f"s3://{bucket}/in/"
    with pytest.raises(ConfigError, match="Access Denied"):
        locate(f"s3://{bucket}/in/b.mp4", endpoint=proxy.url)

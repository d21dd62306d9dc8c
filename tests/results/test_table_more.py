"""The table on a store that fails, refuses, forgets its answers or replaces what is there."""

import subprocess
import sys
from collections import Counter

import pytest

from gsgmodel.archive.s3 import connect
from gsgmodel.errors import ConfigError, OutputError, Status
from gsgmodel.results import writer as module
from gsgmodel.results.table import VideoTable
from tests.faults import ACCESS_DENIED, EXPIRED_TOKEN, INTERNAL_ERROR, LOST_ANSWER, PERMANENT_REDIRECT, Fault, faulty
from tests.servers import free_port

LOG, DATA = "/_delta_log/0", "/part-"

READ_AND_APPEND = """
import sys
from gsgmodel.results.table import VideoTable
from tests.results.conftest import make_rows
table = VideoTable.open_or_create(sys.argv[1], s3_endpoint=sys.argv[2])
number = int(sys.argv[3])
assert len(table.load_done("s")) == number
assert table.append(make_rows([number]), key="s") == 1
assert table.query("SELECT count(*) AS n FROM videos").to_pydict() == {"n": [number + 1]}
"""


@pytest.fixture
def proxy(s3_server):
    with faulty(s3_server) as proxy:
        yield proxy


@pytest.fixture
def table(proxy, s3_output):
    return VideoTable.open_or_create(s3_output.uri, s3_endpoint=proxy.url)


def uris(output):
    """How often each video is in the table, without the proxy: a query would not let its threads run."""
    found = VideoTable.open(output.uri, s3_endpoint=output.s3_endpoint).query("SELECT uri FROM videos")
    return Counter(int(uri.rpartition("/")[2].removesuffix(".mp4")) for uri in found["uri"].to_pylist())


@pytest.mark.parametrize("fault", [INTERNAL_ERROR, LOST_ANSWER])
@pytest.mark.parametrize("text", [LOG, DATA])
def test_a_moment_of_trouble_is_not_noticed(table, proxy, s3_output, rows, fault, text):
    table.append(rows([0]), key="s")
    proxy.add(fault, method="PUT", text=text, times=1)
    table.append(rows([1]), key="s")
    assert uris(s3_output) == Counter([0, 1])


@pytest.mark.parametrize("fault", [INTERNAL_ERROR, LOST_ANSWER, ACCESS_DENIED, EXPIRED_TOKEN, PERMANENT_REDIRECT])
def test_a_commit_without_an_answer_is_one_sentence_and_never_doubles_a_row(table, proxy, s3_output, rows, fault):
    table.append(rows([0]), key="s")
    proxy.add(fault, method="PUT", text=LOG)
    with pytest.raises(OutputError, match="results cannot be written to 's3://") as caught:
        table.append(rows([1, 2]), key="s")
    assert "\n" not in str(caught.value)
    proxy.clear()
    table.append(rows([1, 2, 3]), key="s")
    assert uris(s3_output) == Counter(range(4))


@pytest.mark.parametrize("fault", [INTERNAL_ERROR, LOST_ANSWER, ACCESS_DENIED])
def test_a_replacement_without_an_answer_leaves_one_row_a_video(table, proxy, s3_output, rows, fault):
    table.append(rows([0, 1], status="crashed", score=None), key="s")
    table.load_done("s", retry={Status.CRASHED})
    proxy.add(fault, method="PUT", text=LOG)
    with pytest.raises(OutputError, match="results cannot be written to 's3://"):
        table.append(rows([0]), key="s")
    proxy.clear()
    table.append(rows([0]), key="s")
    assert uris(s3_output) == Counter([0, 1])
    seen = VideoTable.open(s3_output.uri, s3_endpoint=s3_output.s3_endpoint)
    assert seen.count_by_status("s") == {"crashed": 1, "scored": 1}


def test_files_that_cannot_be_read_are_one_sentence(table, proxy, rows):
    for number in range(2):
        table.append(rows([number]), key="s")
    proxy.add(ACCESS_DENIED, method="GET", text=DATA)
    proxy.add(ACCESS_DENIED, method="HEAD", text=DATA)
    for act in (lambda: table.load_done("s"), table.compact):
        with pytest.raises(OutputError, match=r"results cannot be written to .*: Access Denied \(AccessDenied\)"):
            act()


@pytest.mark.slow
def test_a_store_that_is_down_is_one_sentence_everywhere(s3_output, rows):
    table = VideoTable.open_or_create(s3_output.uri, s3_endpoint=s3_output.s3_endpoint)
    nowhere = {"s3_endpoint": f"http://127.0.0.1:{free_port()}"}
    with pytest.raises(ConfigError, match=r"no table of results can be read in 's3://.*: Connection refused"):
        VideoTable.open(s3_output.uri, **nowhere)
    with pytest.raises(OutputError, match="cannot be written to 's3://"):
        VideoTable.open_or_create(s3_output.uri, **nowhere)
    with pytest.raises(ConfigError, match="cannot be read in 's3://"):
        VideoTable.exists(s3_output.uri, **nowhere)
    table.append(rows([1]), key="s")


def test_no_bucket_is_one_sentence(s3_environment):
    for act, kind in ((VideoTable.open, ConfigError), (VideoTable.open_or_create, OutputError)):
        with pytest.raises(kind, match=r"\(NoSuchBucket\)$"):
            act("s3://not-there-1/a", s3_endpoint=s3_environment)


def test_no_credentials_are_one_sentence(s3_output, monkeypatch, tmp_path):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "nothing"))
    connect.cache_clear()
    for act, kind in ((VideoTable.open, ConfigError), (VideoTable.open_or_create, OutputError)):
        with pytest.raises(kind, match="no credentials"):
            act(s3_output.uri, s3_endpoint=s3_output.s3_endpoint)


def test_a_profile_in_a_file_is_enough(s3_output, monkeypatch, tmp_path, rows):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    (tmp_path / "credentials").write_text("[nightly]\naws_access_key_id = k\naws_secret_access_key = s\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_PROFILE", "nightly")
    connect.cache_clear()
    table = VideoTable.open_or_create(s3_output.uri, s3_endpoint=s3_output.s3_endpoint)
    for number in range(2):
        table.append(rows([number], status="crashed", score=None), key="s")
    table.load_done("s", retry={Status.CRASHED})
    table.append(rows([0]), key="s")
    assert table.compact() >= 0
    assert table.count_by_status("s") == {"crashed": 1, "scored": 1}


def test_the_address_of_the_environment_is_enough(s3_output, monkeypatch, rows):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", s3_output.s3_endpoint)
    connect.cache_clear()
    assert not VideoTable.exists(s3_output.uri)
    assert VideoTable.open_or_create(s3_output.uri).append(rows([1]), key="s") == 1
    assert VideoTable.exists(s3_output.uri)
    assert uris(s3_output) == Counter([1])


def test_a_writer_takes_up_renewed_credentials(s3_output, monkeypatch, rows):
    """The handle keeps those that it was opened with, so it is opened anew, and only then."""
    table = VideoTable.open_or_create(s3_output.uri, s3_endpoint=s3_output.s3_endpoint)
    table.append(rows([0]), key="s")
    used, handle = [], module.handle
    monkeypatch.setattr(
        module, "handle", lambda place, *, options: used.append(options["AWS_ACCESS_KEY_ID"]) or handle(place)
    )
    for number, key in enumerate(["tests", "first", "first", "second"], start=1):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        connect.cache_clear()
        table.append(rows([number]), key="s")
    assert used == ["first", "second"]
    assert uris(s3_output) == Counter(range(5))


def test_one_writer_fills_a_table_on_a_store_that_replaces_what_is_there(table, proxy, s3_output, rows):
    proxy.add(Fault(drop="if-none-match"))
    for number in range(4):
        table.append(rows([number, number + 1]), key="s")
    table.compact()
    assert uris(s3_output) == Counter(range(5))


@pytest.mark.parametrize("times", [2, pytest.param(10, marks=pytest.mark.slow)])
def test_a_process_that_reads_and_appends_ends_well_time_after_time(s3_output, times):
    for number in range(times):
        command = [sys.executable, "-c", READ_AND_APPEND, s3_output.uri, s3_output.s3_endpoint, str(number)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")


def test_something_else_under_the_prefix_is_refused(s3, bucket, s3_environment):
    s3.put_object(Bucket=bucket, Key="out/videos/a.txt", Body=b"x")
    with pytest.raises(ConfigError, match="not a table of results"):
        VideoTable.open_or_create(f"s3://{bucket}/out", s3_endpoint=s3_environment)
    with pytest.raises(ConfigError, match="no table of results can be read"):
        VideoTable.open(f"s3://{bucket}/out", s3_endpoint=s3_environment)


def test_files_of_a_table_on_s3_have_uris_and_no_paths(s3_output, rows, s3):
    table = VideoTable.open_or_create(s3_output.uri, s3_endpoint=s3_output.s3_endpoint)
    table.append(rows([1]), key="s")
    bucket, _, key = table.file_uris()[0].removeprefix("s3://").partition("/")
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] > 0
    assert table.uri == f"{s3_output.uri}/videos"
    with pytest.raises(TypeError, match="not on the local disk"):
        table.file_paths()

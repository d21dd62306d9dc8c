"""Where results may go, and what is said when they cannot."""

import errno
import time

import pytest
from deltalake import CommitProperties
from deltalake.exceptions import CommitFailedError, DeltaError

from gsgmodel.archive.s3 import connect
from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.delta import append_rows, ask, create_table, file_names, open_table
from gsgmodel.results.done import id_batches
from gsgmodel.results.storage import (
    check_writable,
    output_errors,
    output_folder,
    output_place,
    reading_errors,
    reason,
)
from tests.faults import ACCESS_DENIED, EXPIRED_TOKEN, Fault, faulty
from tests.servers import free_port


@pytest.mark.parametrize("name", ["a b", "\u00e9", "100% #?&", "%zz", "-x", "~", "*"])
def test_ordinary_and_odd_names_are_accepted(tmp_path, name):
    assert output_folder(str(tmp_path / name)) == tmp_path / name
    assert output_folder((tmp_path / name).as_uri()) == tmp_path / name


@pytest.mark.parametrize("name", ["%41", "a\\b", "[a]", "a|b", "a^b", "a\nb", "\x7f", "\udcff"])
def test_names_that_the_table_cannot_live_in_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="accepted: any text without") as caught:
        output_folder(str(tmp_path / name))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b/\u00e9", "100% #?&", "%zz", "[a]|b^c\\d", "a?versionId=1", "...", "a/"])
def test_ordinary_and_odd_keys_are_accepted_and_hold_a_table(s3_environment, bucket, rows, name, s3):
    place = output_place(f"s3://{bucket}/{name}", s3_endpoint=s3_environment) / "videos"
    create_table(place)
    append_rows(open_table(place), place, rows([1]), properties=CommitProperties())
    assert ask(open_table(place), "SELECT uri FROM videos").num_rows == 1
    assert len(list(id_batches(place, file_names(open_table(place)), key="s"))) == 1
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert all(key.startswith(f"{name.rstrip('/')}/videos/".lstrip("/")) for key in keys)


@pytest.mark.parametrize("name", ["%41", "a\nb", "\x7f", "a//b", "/a", "./a", "a/..", "a/./b"])
def test_keys_that_the_table_cannot_live_under_are_refused(name):
    with pytest.raises(ConfigError, match=r"--output .* in its key; accepted: any text without") as caught:
        output_place(f"s3://bucket/{name}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["s3://", "s3:///a", "s3://key:secret@bucket/a", "gs://bucket/a"])
def test_what_names_no_place_is_refused(uri):
    with pytest.raises(ConfigError, match="accepted: ") as caught:
        check_writable(uri)
    assert "secret" not in str(caught.value)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="--s3-endpoint"):
        output_place("s3://bucket/a", s3_endpoint="store:9000")


def test_a_store_that_cannot_be_written_is_one_sentence(s3_environment, bucket, s3_server, monkeypatch, tmp_path):
    def refusal(uri, endpoint=s3_environment):
        with pytest.raises(ConfigError) as caught:
            check_writable(uri, s3_endpoint=endpoint)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert refusal("s3://not-there-1/a").startswith("--output 's3://not-there-1/a' cannot be written: ")
    assert "NoSuchBucket" in refusal("s3://not-there-1/a")
    with faulty(s3_server) as proxy:
        for fault in (ACCESS_DENIED, EXPIRED_TOKEN):
            proxy.clear()
            proxy.add(fault)
            assert fault.message in refusal(f"s3://{bucket}/a", proxy.url)
    started_s = time.monotonic()
    assert "onnect" in refusal(f"s3://{bucket}/a", f"http://127.0.0.1:{free_port()}")
    assert time.monotonic() - started_s < 60
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "nothing"))
    connect.cache_clear()
    assert "no credentials" in refusal(f"s3://{bucket}/a")


def test_a_store_says_whether_it_keeps_what_is_there(s3_environment, s3_server, bucket):
    assert check_writable(f"s3://{bucket}/a", s3_endpoint=s3_environment)
    with faulty(s3_server) as proxy:
        proxy.add(Fault(drop="if-none-match"))
        assert not check_writable(f"s3://{bucket}/a", s3_endpoint=proxy.url)


@pytest.mark.parametrize("name", ["", "new", "new/deep/er"])
def test_a_place_that_can_be_written_stays_as_it_was(tmp_path, name):
    assert check_writable(str(tmp_path / name))
    assert list(tmp_path.iterdir()) == []


def test_a_place_in_use_stays_as_it_was(tmp_path):
    (tmp_path / "videos" / "_delta_log").mkdir(parents=True)
    (tmp_path / "runs").mkdir()
    check_writable(str(tmp_path))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["_delta_log", "runs", "videos"]


@pytest.mark.parametrize("name", ["file", "file/below", "link"])
def test_a_file_in_the_way_is_one_sentence(tmp_path, name):
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(ConfigError, match=r"cannot be written: (Not a directory|No such file)"):
        check_writable(str(tmp_path / name))


def test_no_permission_is_one_sentence(public_folder, run_unprivileged):
    (public_folder / "mine" / "videos" / "_delta_log").mkdir(parents=True)
    (public_folder / "mine").chmod(0o777)
    code = """
for name in ("", "/new/deep", "/mine", "/mine/new"):
    try:
        check_writable(sys.argv[1] + name)
        print("fine")
    except ConfigError as error:
        print(str(error).removeprefix("--output '" + sys.argv[1]))
"""
    imports = "from gsgmodel.results.storage import check_writable\nfrom gsgmodel.errors import ConfigError"
    said = "' cannot be written: Permission denied"
    assert run_unprivileged(imports, code, str(public_folder)).splitlines() == [
        said,
        "/new/deep" + said,
        "/mine" + said,
        "fine",
    ]


def test_a_read_only_disk_is_one_sentence(run_on_small_disk):
    code = """
import subprocess, sys
from gsgmodel.results.storage import check_writable
from gsgmodel.errors import ConfigError
subprocess.run(["mount", "-o", "remount,ro", sys.argv[1]], check=True)
try:
    check_writable(sys.argv[1] + "/out")
except ConfigError as error:
    print(error)
"""
    said = run_on_small_disk(code, 100)
    assert said.startswith("--output '")
    assert said.endswith("/disk/out' cannot be written: Read-only file system\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "Error writing bytes to file. Detail: [errno 28] No space left on device"),
        DeltaError("Generic LocalFileSystem error: Unable to copy\nNo space left on device (os error 28)"),
        CommitFailedError('Could not create\nOs { code: 28, kind: StorageFull, message: "No space" }'),
    ],
)
def test_a_full_disk_reads_the_same_whoever_says_so(error):
    assert reason(error) == "No space left on device"
    with pytest.raises(OutputError) as caught, output_errors("/out"):
        raise error
    assert str(caught.value) == "results cannot be written to '/out': No space left on device"


@pytest.mark.parametrize(
    "error", [CommitFailedError("Concurrent transaction failed."), DeltaError("schema"), KeyError(1)]
)
def test_conflicts_and_bugs_pass_as_they_are(error):
    for context in (output_errors, reading_errors):
        with pytest.raises(type(error)) as caught, context("/out"):
            raise error
        assert caught.value is error


OF_STORE = "Generic S3 error\n     \x1b[31m\u21b3\x1b[0m Error performing PUT http://store/b/k in 4ms{}\n"


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        (
            " - Server returned\n  \x1b[31m\u21b3\x1b[0m 403 Forbidden\n   \x1b[31m\u21b3\x1b[0m <?xml ?>\n"
            "<Error><Code>AccessDenied</Code><Message>Not for ASIAIOSFODNN7EXAMPLE</Message></Error>",
            "Not for [hidden] (AccessDenied)",
        ),
        (" - Server returned\n  \x1b[31m\u21b3\x1b[0m 403 Forbidden", "403 Forbidden"),
        ("\n  \x1b[31m\u21b3\x1b[0m tcp\n  \x1b[31m\u21b3\x1b[0m refused (os error 111)", "Connection refused"),
        (" - Received redirect, incorrectly configured region", "the bucket lies in another region, set AWS_REGION"),
        ("\n  \u21b3 HTTP error\n  \u21b3 operation timed out", "operation timed out"),
    ],
)
def test_what_a_store_says_is_the_end_of_a_chain(chain, said):
    for error in (OSError(OF_STORE.format(chain)), CommitFailedError("Failed: " + OF_STORE.format(chain))):
        with pytest.raises(OutputError) as caught, output_errors("s3://b/a"):
            raise error
        assert str(caught.value) == f"results cannot be written to 's3://b/a': {said}"
        with pytest.raises(ConfigError) as caught, reading_errors("s3://b/a"):
            raise error
        assert str(caught.value) == f"results cannot be read in 's3://b/a': {said}"


def test_the_folders_that_are_written_to_are_the_callers_to_say(tmp_path):
    (tmp_path / "shards").write_text("a file")
    assert check_writable(str(tmp_path))
    assert check_writable(str(tmp_path), folders=("index", "runs"))
    with pytest.raises(ConfigError, match="cannot be written: Not a directory"):
        check_writable(str(tmp_path), folders=("index", "shards"))

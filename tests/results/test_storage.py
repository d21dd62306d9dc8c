"""Where results may go, and what is said when they cannot."""

import errno

import pytest
from deltalake.exceptions import CommitFailedError, DeltaError

from gsgmodel.errors import ConfigError, OutputError
from gsgmodel.results.storage import check_writable, output_errors, output_folder, reason


@pytest.mark.parametrize("name", ["a b", "\u00e9", "100% #?&", "%zz", "-x", "~", "*"])
def test_ordinary_and_odd_names_are_accepted(tmp_path, name):
    assert output_folder(str(tmp_path / name)) == tmp_path / name
    assert output_folder((tmp_path / name).as_uri()) == tmp_path / name


@pytest.mark.parametrize("name", ["%41", "a\\b", "[a]", "a|b", "a^b", "a\nb", "\x7f", "\udcff"])
def test_names_that_the_table_cannot_live_in_are_refused(tmp_path, name):
    with pytest.raises(ConfigError, match="accepted: any text without") as caught:
        output_folder(str(tmp_path / name))
    assert "\n" not in str(caught.value)


def test_s3_output_is_refused():
    with pytest.raises(ConfigError, match="s3:// is not supported in this version"):
        check_writable("s3://results/fakes")


@pytest.mark.parametrize("name", ["", "new", "new/deep/er"])
def test_a_place_that_can_be_written_stays_as_it_was(tmp_path, name):
    check_writable(str(tmp_path / name))
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
        print(str(error).removeprefix("output '" + sys.argv[1]))
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
    assert said.startswith("output '")
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
def test_a_full_disk_reads_the_same_whoever_says_so(tmp_path, error):
    assert reason(error) == "No space left on device"
    with pytest.raises(OutputError) as caught, output_errors(tmp_path):
        raise error
    assert str(caught.value) == f"results cannot be written to {str(tmp_path)!r}: No space left on device"


@pytest.mark.parametrize(
    "error", [CommitFailedError("Concurrent transaction failed."), DeltaError("schema"), KeyError(1)]
)
def test_conflicts_and_bugs_pass_as_they_are(tmp_path, error):
    with pytest.raises(type(error)) as caught, output_errors(tmp_path):
        raise error
    assert caught.value is error

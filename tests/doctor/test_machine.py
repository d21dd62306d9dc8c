"""Room on a machine."""

import resource

import pytest

from gsgmodel.doctor.machine import FEWEST_FILES, check_disk, check_machine, check_memory, check_open_files


def test_this_machine_is_looked_at():
    found = {finding.name: finding for finding in check_machine()}
    assert {"memory", "scratch", "open files"} <= found.keys()
    assert all(finding.text for finding in found.values())


@pytest.mark.parametrize(("memory_bytes", "verdict"), [(1 << 30, "failed"), (64 << 30, "ok")])
def test_memory_has_to_hold_an_actor_of_each_stage(memory_bytes, verdict):
    finding = check_memory(memory_bytes, cores=2)
    assert finding.verdict == verdict
    assert "2 cores" in finding.text


def test_a_disk_without_room_is_a_failure_with_the_way_out(tmp_path):
    finding = check_disk(tmp_path, wanted_bytes=1 << 60, name="scratch", fix="TMPDIR names another folder")
    assert (finding.verdict, finding.fix) == ("failed", "TMPDIR names another folder")
    assert "less than" in finding.text
    assert check_disk(tmp_path, wanted_bytes=1, name="scratch", fix="").verdict == "ok"


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_above(tmp_path):
    finding = check_disk(tmp_path / "a" / "b", wanted_bytes=1, name="output", fix="")
    assert finding.verdict == "ok"
    assert not (tmp_path / "a").exists()


def test_a_folder_that_may_not_be_written_is_a_failure(run_unprivileged, public_folder):
    imports = "from pathlib import Path\nfrom gsgmodel.doctor.machine import check_disk"
    code = "print(check_disk(Path(sys.argv[1]), wanted_bytes=1, name='output', fix='f').text)"
    assert run_unprivileged(imports, code, str(public_folder)) == f"{public_folder} cannot be written\n"


@pytest.mark.parametrize(("most", "verdict"), [(256, "warning"), (FEWEST_FILES, "ok"), (resource.RLIM_INFINITY, "ok")])
def test_few_open_files_are_a_warning(most, verdict):
    assert check_open_files(most).verdict == verdict

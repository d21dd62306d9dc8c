"""The process that decodes, as its parent starts, bounds and ends it."""

import mmap
import os
import resource

import psutil
import pytest

from gsgmodel.video import process as module
from gsgmodel.video.child import IO_BYTES
from gsgmodel.video.confine import PROCESS
from gsgmodel.video.limits import DecodeLimits
from gsgmodel.video.process import Child, SandboxError, clean_environment, sealed_memory

SMALL = DecodeLimits(max_window_bytes=64 << 20)


@pytest.fixture
def child():
    started = Child(SMALL)
    yield started
    started.close()


def test_a_child_says_what_it_gave_up_before_it_reads_anything(child):
    assert child.is_alive
    assert child.measures[0] == PROCESS
    assert len(child.shared) == IO_BYTES + SMALL.max_window_bytes


def test_an_ended_child_is_said_to_be_by_what_ended_it(child):
    child.close()
    assert not child.is_alive
    assert (child.signal_name, child.end_text) == ("SIGKILL", "SIGKILL")
    assert child.cpu_s > 0


def test_a_child_that_does_not_end_is_ended(child):
    child.wait(0.1)
    assert not child.is_alive


def test_its_address_space_and_its_files_are_bounded(child):
    process = psutil.Process(child._process.pid)
    taken = process.memory_info().vms
    assert process.rlimit(resource.RLIMIT_AS)[0] <= taken + SMALL.max_memory_bytes + (64 << 20)
    assert process.rlimit(resource.RLIMIT_CORE) == (0, 0)
    assert process.rlimit(resource.RLIMIT_FSIZE) == (0, 0)
    child.allow_cpu(100.0)
    assert 100 <= process.rlimit(resource.RLIMIT_CPU)[0] <= 103


def test_memory_that_a_large_video_took_is_given_back(child, monkeypatch):
    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 20)
    child.shared[IO_BYTES:] = b"x" * SMALL.max_window_bytes
    child.shrink()
    assert child.shared[IO_BYTES : IO_BYTES + 4] == b"xxxx"
    assert child.shared[-4:] == bytes(4)


def test_the_memory_keeps_its_size():
    memory_fd = sealed_memory(1 << 16)
    with pytest.raises(PermissionError):
        os.ftruncate(memory_fd, 0)
    with pytest.raises(PermissionError):
        os.ftruncate(memory_fd, 1 << 17)
    with mmap.mmap(memory_fd, 1 << 16) as memory:
        memory[:2] = b"ok"
    os.close(memory_fd)


@pytest.mark.parametrize("executable", ["/nonexistent/python", "/bin/false"])
def test_a_child_that_does_not_start_is_no_fault_of_a_video(monkeypatch, executable):
    monkeypatch.setattr(module.sys, "executable", executable)
    before = psutil.Process().num_fds()
    with pytest.raises(SandboxError, match="does not start"):
        Child(SMALL)
    assert psutil.Process().num_fds() == before


def test_the_last_words_of_a_child_that_does_not_start_are_kept(monkeypatch):
    monkeypatch.setattr(module, "_CODE", "raise SystemExit('no room')")
    with pytest.raises(SandboxError, match=r"\(exit code 1\): no room"):
        Child(SMALL)


def test_a_child_that_never_says_that_it_is_ready_is_ended(monkeypatch):
    monkeypatch.setattr(module, "START_S", 0.2)
    monkeypatch.setattr(module, "_CODE", "import time; time.sleep(100)")
    with pytest.raises(SandboxError, match="SIGKILL"):
        Child(SMALL)


def test_the_environment_of_a_child_names_no_credential(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hush")
    monkeypatch.setenv("LD_LIBRARY_PATH", "/lib")
    assert clean_environment() == {
        "LANG": "C.UTF-8",
        "LD_LIBRARY_PATH": "/lib",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }

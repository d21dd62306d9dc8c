"""What a confined process can no longer do, tried from within it."""

import json
import platform
import struct
import subprocess
import sys

import pytest

from gsgmodel.video.confine import FULL, call_filter

TRIED = """
import ctypes, json, mmap, os, resource, signal, socket, subprocess, sys, threading, time
import numpy as np
from pathlib import Path
from gsgmodel.video.confine import confine
libc = ctypes.CDLL(None, use_errno=True)
here, there = socket.socketpair()
open_file = open(sys.argv[1], "rb+")
listening = socket.socket()
measures = confine(max_memory_bytes=256 << 20, wire_fd=here.fileno(), parent_pid=os.getppid())

def outcome(do):
    try:
        return ["done", repr(do())[:40]]
    except BaseException as error:
        return [type(error).__name__, str(error)[:80]]

def call(number, *args):
    answer = libc.syscall(number, *args)
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer

tried = {
    "open": lambda: open(sys.argv[1]).read(),
    "create": lambda: open(sys.argv[1] + ".new", "w"),
    "list": lambda: os.listdir("/"),
    "stat": lambda: os.stat("/etc/passwd"),
    "unlink": lambda: os.unlink(sys.argv[1]),
    "write elsewhere": lambda: os.write(open_file.fileno(), b"x"),
    "socket": lambda: socket.socket(),
    "listen": lambda: listening.listen(),
    "connect": lambda: listening.connect(("127.0.0.1", 9)),
    "exec": lambda: os.execv("/bin/true", ["/bin/true"]),
    "fork": lambda: os.fork(),
    "thread": lambda: threading.Thread(target=print).start(),
    "kill the parent": lambda: os.kill(os.getppid(), 0),
    "raise the limit": lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40)),
    "executable memory": lambda: mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC),
    "namespace": lambda: call(272, 0x10000000) if libc.unshare else None,
    "gigabyte": lambda: bytearray(1 << 30),
    "new code": lambda: __import__("wave"),
    "memory": lambda: np.zeros(1 << 24, np.uint8).sum(),
    "time": lambda: time.monotonic() > 0,
    "read an open file": lambda: os.read(open_file.fileno(), 4),
    "random": lambda: len(os.urandom(4)),
    "wire": lambda: os.write(here.fileno(), b"x"),
}
told = json.dumps({"measures": measures, **{name: outcome(do) for name, do in tried.items()}}).encode()
os.write(here.fileno(), b"y")
while told:
    told = told[os.write(here.fileno(), told):]
os._exit(0)
"""
ALLOWED = {"memory", "time", "read an open file", "random", "wire"}


def run_confined(code, *args):
    """Runs code whose last words go through file descriptor 3 and 4: a pair of sockets that the test reads."""
    code = code.replace("here, there = socket.socketpair()", "here = socket.socket(fileno=int(sys.argv[2]))")
    import socket

    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", code, *args, str(theirs.fileno())], pass_fds=[theirs.fileno()]
            )
        said = b"".join(iter(lambda: ours.recv(1 << 16), b""))
    return said, process.wait(30)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    path = tmp_path_factory.mktemp("confined") / "secret"
    path.write_bytes(b"text of a file")
    said, code = run_confined(TRIED, str(path))
    assert code == 0
    assert path.read_bytes() == b"text of a file"
    assert list(path.parent.iterdir()) == [path]
    return json.loads(said[said.index(b"{") :])


def test_this_kernel_has_every_measure_or_the_row_would_say_which(outcomes):
    assert set(outcomes["measures"]) <= set(FULL)
    if outcomes["measures"] != list(FULL):
        pytest.skip(f"this kernel gives {outcomes['measures']}")


def test_nothing_but_memory_time_and_the_wire_is_left(outcomes):
    if outcomes.pop("measures") != list(FULL):
        pytest.skip("this kernel has not every measure")
    done = {name for name, (kind, _) in outcomes.items() if kind == "done"}
    assert done == ALLOWED
    assert outcomes["gigabyte"][0] == "MemoryError"
    for name in outcomes.keys() - ALLOWED - {"gigabyte", "thread", "raise the limit"}:
        assert outcomes[name][0] in {"PermissionError", "OSError", "ModuleNotFoundError"}, (name, outcomes[name])


@pytest.mark.parametrize("signal_name", ["SIGABRT", "SIGSEGV"])
def test_a_confined_process_can_still_die_of_its_own_fault(tmp_path, signal_name):
    path = tmp_path / "file"
    path.touch()
    die = "os.abort()" if signal_name == "SIGABRT" else "ctypes.string_at(8)"
    code = TRIED[: TRIED.index("def outcome")] + die
    _, status = run_confined(code, str(path))
    assert status == -{"SIGABRT": 6, "SIGSEGV": 11}[signal_name]


def test_a_confined_process_ends_with_its_parent(tmp_path):
    path = tmp_path / "file"
    path.touch()
    child = TRIED[: TRIED.index("def outcome")] + "os.write(here.fileno(), b'up')\nwhile True: time.sleep(0.1)"
    parent = (
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {child!r}, *sys.argv[1:]], close_fds=False)"
    )
    parent += "\nimport socket, time\ntime.sleep(3)"
    said, _ = run_confined("import os, sys\nimport socket\nhere, there = socket.socketpair()\n" + parent, str(path))
    # The socket closes, and reading it ends, only once both are gone.
    assert said == b"up"


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_filter_begins_with_the_processor_and_ends_with_a_refusal(machine):
    program = call_filter(machine, wire_fd=7, own_pid=9)
    instructions = list(struct.iter_unpack("=HBBI", program))
    assert instructions[2] == (0x06, 0, 0, 0x80000000)
    assert instructions[-1] == (0x06, 0, 0, 0x00050001)
    assert (0x15, 0, 1, 7) in instructions
    assert (0x15, 0, 1, 9) in instructions
    for place, (code, if_true, if_false, _) in enumerate(instructions):
        if code != 0x06:
            assert place + 1 + max(if_true, if_false) < len(instructions)


def test_an_unknown_processor_has_no_filter():
    assert call_filter("sparc", wire_fd=7, own_pid=9) is None
    assert call_filter(platform.machine(), wire_fd=7, own_pid=9) is not None

"""Taking away from a process what decoding does not need: files, network, other processes, memory without end.

Linux on x86-64 and AArch64; elsewhere the process has only the limits of resources. Nothing here can be undone by the
process that did it. What each measure is: landlock(7), seccomp(2), getrlimit(2), prctl(2).
"""

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass
from pathlib import Path

PROCESS, LIMITS, LANDLOCK, SECCOMP = "process", "limits", "landlock", "seccomp"
FULL = (PROCESS, LIMITS, LANDLOCK, SECCOMP)
"""All measures, as a row names what was achieved: a process of its own, bounds on what it takes, no files and no
network (by what they are, and by the calls that reach them)."""

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
"""Numbers of system calls, the same on every machine since Linux 5.13."""
_LANDLOCK_VERSION = 1
_FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}
"""How many rights over files each version of Landlock can take away; later ones as the last."""
_NET_SINCE, _SCOPE_SINCE = 4, 6
_NET_RIGHTS, _SCOPES = 0b11, 0b11

_SECCOMP_SET_FILTER, _SECCOMP_ALL_THREADS = 1, 1
_LOAD, _EQUALS, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
"""Instructions of the classic packet filter (linux/bpf_common.h)."""
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | 1
"""Answers of a filter: go on, end the process, fail with EPERM."""
_NUMBER_AT, _ARCH_AT, _ARGS_AT = 0, 4, 16
_X32 = 0x40000000
_PROT_EXEC = 4
_INSTRUCTION = struct.Struct("=HBBI")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Calls:
    """Numbers of system calls on one kind of processor."""

    arch: int
    """``AUDIT_ARCH_*`` of linux/audit.h."""
    seccomp: int
    write: int
    tgkill: int
    mapping: tuple[int, int]
    """mmap and mprotect: allowed unless they make memory executable."""
    allowed: tuple[int, ...]
    """In the order of ``_ALLOWED``."""


_ALLOWED = (
    *("read", "pread64", "close", "lseek", "fstat", "munmap", "brk", "mremap", "madvise"),
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "futex", "sched_yield"),
    *("getpid", "gettid", "getrusage", "sched_getaffinity", "gettimeofday", "clock_gettime", "clock_getres"),
    *("clock_nanosleep", "nanosleep", "getrandom", "membarrier", "rseq", "set_robust_list", "exit", "exit_group"),
)
"""What a decoder with memory and a pipe to its parent needs. None of these names a file, an address or a process."""
_CALLS = {
    "x86_64": _Calls(
        arch=0xC000003E,
        seccomp=317,
        write=1,
        tgkill=234,
        mapping=(9, 10),
        allowed=(
            *(0, 17, 3, 8, 5, 11, 12, 25, 28),
            *(13, 14, 15, 131, 219, 202, 24),
            *(39, 186, 98, 204, 96, 228, 229),
            *(230, 35, 318, 324, 334, 273, 60, 231),
        ),
    ),
    "aarch64": _Calls(
        arch=0xC00000B7,
        seccomp=277,
        write=64,
        tgkill=131,
        mapping=(222, 226),
        allowed=(
            *(63, 67, 57, 62, 80, 215, 214, 216, 233),
            *(134, 135, 139, 132, 128, 98, 124),
            *(172, 178, 165, 123, 169, 113, 114),
            *(115, 101, 278, 283, 293, 99, 93, 94),
        ),
    ),
}


def confine(*, max_memory_bytes: int, wire_fd: int, parent_pid: int) -> tuple[str, ...]:
    """Take away from this process what decoding does not need, as far as the kernel can.

    Args:
        max_memory_bytes: Address space that it may take beyond what it has.
        wire_fd: The one open file that it may write to.
        parent_pid: When this process ends, so does the one that is confined.

    Returns:
        The measures that hold, of ``FULL``.
    """
    _set_limits(max_memory_bytes)
    if not sys.platform.startswith("linux"):
        return (PROCESS, LIMITS)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        return (PROCESS, LIMITS)
    landlock = (LANDLOCK,) if _restrict_by_landlock(libc) else ()
    seccomp = (SECCOMP,) if _filter_calls(libc, wire_fd=wire_fd) else ()
    return (PROCESS, LIMITS, *landlock, *seccomp)


def call_filter(machine: str, *, wire_fd: int, own_pid: int) -> bytes | None:
    """Return the program that decides on each system call; None for an unknown kind of processor.

    Args:
        machine: As ``platform.machine()`` names it.
        wire_fd: The one open file that may be written to.
        own_pid: The only process that a signal may be sent to, so that ``abort`` works.
    """
    calls = _CALLS.get(machine)
    if calls is None:
        return None
    refuse = (_RETURN, 0, 0, _REFUSE)
    program = [(_LOAD, 0, 0, _ARCH_AT), (_EQUALS, 1, 0, calls.arch), (_RETURN, 0, 0, _KILL)]
    program += [(_LOAD, 0, 0, _NUMBER_AT), (_AT_LEAST, 0, 1, _X32), refuse]
    for number in calls.allowed:
        program += [(_EQUALS, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    for number, value in ((calls.write, wire_fd), (calls.tgkill, own_pid)):
        # Only the lower half of an argument that is an int counts.
        program += [(_EQUALS, 0, 4, number), (_LOAD, 0, 0, _ARGS_AT), (_EQUALS, 0, 1, value)]
        program += [(_RETURN, 0, 0, _ALLOW), refuse]
    for number in calls.mapping:
        program += [(_EQUALS, 0, 4, number), (_LOAD, 0, 0, _ARGS_AT + 2 * 8), (_ANY_BIT, 1, 0, _PROT_EXEC)]
        program += [(_RETURN, 0, 0, _ALLOW), refuse]
    return b"".join(_INSTRUCTION.pack(*each) for each in [*program, refuse])


def _set_limits(max_memory_bytes: int) -> None:
    """Bound address space, files and processes; the time is the parent's to bound, who can see it pass."""
    taken_bytes = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    for name, most in (
        (resource.RLIMIT_AS, taken_bytes + max_memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(name)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(name, (bound, bound))


def _restrict_by_landlock(libc: ctypes.CDLL) -> bool:
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return False
    rights = [(1 << _FILE_RIGHTS.get(version, 16)) - 1]
    rights += [_NET_RIGHTS] if version >= _NET_SINCE else []
    rights += [_SCOPES] if version >= _SCOPE_SINCE else []
    ruleset = struct.pack(f"={len(rights)}Q", *rights)
    made = libc.syscall(_LANDLOCK_CREATE, ruleset, ctypes.c_size_t(len(ruleset)), 0)
    if made < 0:
        return False
    done: int = libc.syscall(_LANDLOCK_RESTRICT, made, 0)
    os.close(made)
    return done == 0


class _Program(ctypes.Structure):
    """``struct sock_fprog`` of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def _filter_calls(libc: ctypes.CDLL, *, wire_fd: int) -> bool:
    machine = platform.machine()
    code = call_filter(machine, wire_fd=wire_fd, own_pid=os.getpid())
    if code is None or sys.maxsize < 1 << 32:
        return False
    program = _Program(len(code) // _INSTRUCTION.size, code)
    number = _CALLS[machine].seccomp
    done: int = libc.syscall(number, _SECCOMP_SET_FILTER, _SECCOMP_ALL_THREADS, ctypes.byref(program))
    return done == 0

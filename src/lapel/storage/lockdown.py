"""What may this process still do? Called by a parser before it meets a file from outside (design §4.11).

After `lock_down` the process can compute, use the memory it is allowed, and talk over what it has open; it cannot open a
file or a socket, start a process or a thread, or gain rights. Where the kernel offers no seccomp filter (or the machine
is neither x86-64 nor arm64) files and processes are held off by resource limits and the network by a namespace of its
own, if the kernel grants one: `lock_down` returns what holds, and callers say so.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import re
import resource
import signal
import struct
from collections.abc import Callable

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_GET_SECCOMP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 21, 22, 38
SECCOMP_MODE_FILTER = 2
CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
NOBODY = 65534
UNUSED_USERS = 1_900_000_000  # and the process id above it; no system hands such numbers out

# The system calls of a process that computes and talks over open descriptors; all others fail with EPERM.
_ALLOWED = {
    # read write close fstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask rt_sigreturn readv writev
    # sched_yield mremap madvise nanosleep getpid sendto recvfrom sendmsg recvmsg exit restart_syscall gettimeofday
    # getrusage sysinfo times gettid futex sched_getaffinity clock_gettime clock_getres clock_nanosleep exit_group
    # sigaltstack getrandom rseq
    "x86_64": (0xC000003E, (0, 1, 3, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 19, 20, 24, 25, 28, 35, 39, 44, 45, 46, 47, 60,
                            219, 96, 98, 99, 100, 186, 202, 204, 228, 229, 230, 231, 131, 318, 334)),
    # the same, with ppoll for poll
    "aarch64": (0xC00000B7, (63, 64, 57, 80, 73, 62, 222, 226, 215, 214, 134, 135, 139, 65, 66, 124, 216, 233, 101, 172,
                             206, 207, 211, 212, 93, 128, 169, 165, 179, 153, 178, 98, 123, 113, 114, 115, 94, 132,
                             278, 293)),
}  # fmt: skip
# clone, clone3, set_robust_list: what a thread of this very process needs besides.
_THREADS = {"x86_64": (56, 435, 273), "aarch64": (220, 435, 99)}
CLONE_THREAD = 0x10000


def limit_resources(*, memory_bytes: int, cpu_s: int) -> None:
    """Memory and CPU time; called before the parsing library is loaded. No core dump, nothing written to any file."""
    _limit(resource.RLIMIT_AS, memory_bytes)
    _limit(resource.RLIMIT_CPU, cpu_s)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)


def memory_meter() -> Callable[[], int]:
    """A function that gives the most memory this process held so far, in bytes; made before `lock_down`, 0 without /proc.

    Not `ru_maxrss`, which begins with what the parent held.
    """
    try:
        status = os.open("/proc/self/status", os.O_RDONLY)
    except OSError:
        return lambda: 0

    def peak_bytes() -> int:
        os.lseek(status, 0, os.SEEK_SET)
        found = re.search(rb"VmHWM:\s+(\d+) kB", os.read(status, 1 << 16))
        return int(found[1]) * 1024 if found else 0

    return peak_bytes


def lock_down(*, threads: bool = False) -> list[str]:
    """Give up everything else, for good; with `threads`, all but threads of its own. Returns what holds, in words."""
    holds = ["memory", "cpu-time", "no-core-dump"]
    libc = ctypes.CDLL(None, use_errno=True)
    architecture = _ALLOWED.get(platform.machine())
    filtered = architecture is not None and libc.prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0
    if not filtered and _own_network(libc):
        holds.append("no-network")
    if os.geteuid() != 0 or _become_nobody():
        holds.append("no-root")
    # Set after the change of user, which clears it; the parent may have gone before.
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    _limit(resource.RLIMIT_NOFILE, 0)
    _limit(resource.RLIMIT_NPROC, 64 if threads else 0)
    holds += ["no-new-files"]
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        holds.append("no-new-rights")
    if (
        architecture is not None
        and filtered
        and _filter(libc, *architecture, _THREADS[platform.machine()] if threads else ())
    ):
        holds += ["no-network", "no-processes", "system-calls"]
    return holds


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    top = value if hard == resource.RLIM_INFINITY else min(value, hard)
    # Processor time ends with SIGXCPU, which says why; a second later with SIGKILL.
    above = 1 if which == resource.RLIMIT_CPU and top != hard else 0
    resource.setrlimit(which, (top, top + above))


def _own_network(libc: ctypes.CDLL) -> bool:
    return bool(libc.unshare(CLONE_NEWNET) == 0 or libc.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)


def _become_nobody() -> bool:
    """Change to a user that nobody else is: other processes of `nobody`, a database server say, are not ours to touch."""
    for user in (UNUSED_USERS + os.getpid(), NOBODY):
        # A container may map few users, or forbid even root to change; the other limits hold all the same.
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            return True
    return False


def _filter(
    libc: ctypes.CDLL, audit_architecture: int, allowed: tuple[int, ...], threads: tuple[int, ...]
) -> bool:
    """Install a seccomp filter: the classic BPF program of `man 2 seccomp`, `struct seccomp_data` at offset 0 and 4."""
    load, equal, answer = 0x20, 0x15, 0x06
    kill, allow, refuse = 0x80000000, 0x7FFF0000, 0x00050000 | 1  # EPERM
    program = [(load, 0, 0, 4), (equal, 1, 0, audit_architecture), (answer, 0, 0, kill), (load, 0, 0, 0)]
    if threads:
        clone, clone3, robust_list = threads
        allowed = (*allowed, robust_list)
        # clone3 cannot be looked into: "not there" (ENOSYS), and the C library takes clone, of which threads are allowed.
        program += [
            (equal, 0, 1, clone3),
            (answer, 0, 0, 0x00050000 | 38),
            (equal, 0, 4, clone),
            (load, 0, 0, 16),
        ]
        program += [(0x45, 1, 0, CLONE_THREAD), (answer, 0, 0, refuse), (answer, 0, 0, allow)]
    count = len(allowed)
    program += [(equal, count - at, 0, number) for at, number in enumerate(allowed)]
    program += [(answer, 0, 0, refuse), (answer, 0, 0, allow)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in program))
    head = ctypes.create_string_buffer(struct.pack("@HP", len(program), ctypes.addressof(code)))
    return bool(libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) == 0)

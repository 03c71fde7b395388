"""The system calls that code in a sandbox may make, and their numbers on each kind of processor.

What is not named here fails with EPERM: sockets of every family, exec, fork, ptrace, signals to others,
mounts, namespaces, keys, io_uring, bpf, shared memory, message queues, locks on files, and whatever a
later kernel brings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Machine: TypeAlias = Literal["x86_64", "aarch64"]

# Numbers of x86_64 and aarch64; None where the processor's own list lacks the call.
_NUMBERS: Final[Mapping[str, tuple[int | None, int | None]]] = {
    # Open files, read and write.
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "pwrite64": (18, 68), "preadv": (295, 69), "pwritev": (296, 70), "preadv2": (327, 286),
    "pwritev2": (328, 287), "lseek": (8, 62), "sendfile": (40, 71), "copy_file_range": (326, 285),
    "openat": (257, 56), "open": (2, None), "close": (3, 57), "close_range": (436, 436),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59),
    "fcntl": (72, 25), "ioctl": (16, 29), "fsync": (74, 82), "fdatasync": (75, 83),
    "fadvise64": (221, 223),
    # Look at files and folders.
    "fstat": (5, 80), "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79),
    "statx": (332, 291), "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439),
    "readlink": (89, None), "readlinkat": (267, 78), "getdents64": (217, 61), "getcwd": (79, 17),
    "chdir": (80, 49), "fchdir": (81, 50), "statfs": (137, 43), "fstatfs": (138, 44),
    "umask": (95, 166),
    # Change files and folders.
    "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None),
    "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "symlink": (88, None), "symlinkat": (266, 36), "truncate": (76, 45), "ftruncate": (77, 46),
    "fallocate": (285, 47), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53),
    "utimensat": (280, 88),
    # Wait for files.
    "select": (23, None), "pselect6": (270, 72), "poll": (7, None), "ppoll": (271, 73),
    "epoll_create": (213, None), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, None), "epoll_pwait": (281, 22), "eventfd2": (290, 19),
    # Memory.
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214), "msync": (26, 227),
    # Signals to oneself, and timers.
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "pause": (34, None), "alarm": (37, None), "getitimer": (36, 102),
    "setitimer": (38, 103), "restart_syscall": (219, 128), "kill": (62, 129), "tgkill": (234, 131),
    # Threads.
    "clone": (56, 220), "clone3": (435, 435), "futex": (202, 98), "set_robust_list": (273, 99),
    "rseq": (334, 293), "membarrier": (324, 283),
    "set_tid_address": (218, 96), "sched_yield": (24, 124), "sched_getaffinity": (204, 123),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126),
    "getcpu": (309, 168), "prctl": (157, 167),
    # Time, chance, and what the process is.
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115),
    "nanosleep": (35, 101), "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153),
    "getrusage": (98, 165), "getrandom": (318, 278), "uname": (63, 160), "sysinfo": (99, 179),
    "getpid": (39, 172), "getppid": (110, 173), "gettid": (186, 178), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177), "getresuid": (118, 148),
    "getresgid": (120, 150), "getgroups": (115, 158), "getpgrp": (111, None),
    "getrlimit": (97, 163), "prlimit64": (302, 261), "exit": (60, 93), "exit_group": (231, 94),
    # What the zygote needs besides.
    "wait4": (61, 260), "waitid": (247, 95), "pidfd_open": (434, 434), "seccomp": (317, 277),
    "pidfd_send_signal": (424, 424), "sched_setaffinity": (203, 122), "setrlimit": (160, 164),
    "get_mempolicy": (239, 236),
}  # fmt: skip
_MACHINES: Final[tuple[Machine, ...]] = ("x86_64", "aarch64")

OWN_PID: Final = 0xFFFF_FFFE
"""Stands for the number of the process that the filter is for; no process has it as its number."""

# CLONE_VM | FS | FILES | SIGHAND | THREAD | SYSVSEM | SETTLS | PARENT_SETTID | CHILD_CLEARTID, as glibc
# makes a thread, and musl with a flag that means nothing any more.
_THREAD: Final = (0x003D_0F00, 0x007D_0F00)
# CLONE_CHILD_SETTID | CHILD_CLEARTID | SIGCHLD in glibc, and SIGCHLD alone in musl.
_FORK: Final = (0x0120_0011, 0x11)
# isatty, the size of a terminal, FIONREAD, FIONBIO, FIOCLEX, FIONCLEX.
_IOCTLS: Final = (0x5401, 0x5413, 0x541B, 0x5421, 0x5451, 0x5450)
# F_DUPFD, GETFD, SETFD, GETFL, SETFL, GETLK, F_DUPFD_CLOEXEC: no lock, no owner of signals, no lease.
_FCNTLS: Final = (0, 1, 2, 3, 4, 5, 1030)
_PR_SET_NAME: Final = 15


@dataclass(frozen=True, slots=True)
class OnlyWith:
    """A call is allowed when this argument (from 0, its lower 32 bits) has one of these values."""

    argument: int
    values: tuple[int, ...]


ENOSYS: Final = 38

Answer: TypeAlias = Literal["allow"] | OnlyWith | int
"""What becomes of a call: it is made, made under a condition, or fails with this error number."""

_FILE_CHANGES: Final = frozenset(
    (
        "mkdir", "mkdirat", "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "symlink",
        "symlinkat", "truncate", "ftruncate", "fallocate", "chmod", "fchmod", "fchmodat", "utimensat",
    )
)  # fmt: skip
_ZYGOTE_ONLY: Final = frozenset(
    (
        "wait4", "waitid", "pidfd_open", "seccomp", "pidfd_send_signal", "sched_setaffinity",
        "setrlimit", "get_mempolicy",
    )
)  # fmt: skip


def row_calls(*, scratch: bool) -> dict[str, Answer]:
    """Give what the process of one row may do; without scratch it changes no file at all."""
    forbidden = _ZYGOTE_ONLY if scratch else _ZYGOTE_ONLY | _FILE_CHANGES
    calls: dict[str, Answer] = {name: "allow" for name in _NUMBERS if name not in forbidden}
    return calls | {
        "clone": OnlyWith(0, _THREAD),
        "clone3": ENOSYS,  # its flags lie in memory, where no filter looks; glibc then uses clone
        "ioctl": OnlyWith(1, _IOCTLS),
        "fcntl": OnlyWith(1, _FCNTLS),
        "prctl": OnlyWith(0, (_PR_SET_NAME,)),
        "kill": OnlyWith(0, (OWN_PID,)),
        "tgkill": OnlyWith(0, (OWN_PID,)),
        "prlimit64": OnlyWith(0, (0, OWN_PID)),
        "sched_getaffinity": OnlyWith(0, (0, OWN_PID)),
    }


def zygote_calls() -> dict[str, Answer]:
    """Give what the zygote may do, which holds for its rows, too: it can fork, and loads packages."""
    calls: dict[str, Answer] = dict.fromkeys(_NUMBERS, "allow")
    return calls | {"clone": OnlyWith(0, _THREAD + _FORK), "clone3": ENOSYS}


def by_number(calls: Mapping[str, Answer], machine: Machine) -> dict[int, Answer]:
    """Give the calls by their numbers on this machine, without those that it does not have."""
    place = _MACHINES.index(machine)
    numbered = ((_NUMBERS[name][place], answer) for name, answer in calls.items())
    return {number: answer for number, answer in numbered if number is not None}

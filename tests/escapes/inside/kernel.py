"""Attempts on the kernel: system calls by name and by number, other processes, new programs."""

import asyncio
import ctypes
import errno
import fcntl
import multiprocessing
import os
import pty
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing import shared_memory

from tests.escapes.inside.trying import ATTEMPTS, Row, attempt, grade

__all__ = ["grade"]

libc = ctypes.CDLL(None, use_errno=True)
TEXT = ctypes.create_string_buffer(b"/tmp\0")
ZEROS = ctypes.create_string_buffer(4096)
# By their numbers on x86_64, with arguments that would do something where they are allowed.
CALLS: dict[str, tuple[int, tuple[object, ...]]] = {
    "fork": (57, ()),
    "vfork, in a way that ends at once": (58, (-1,) * 6),
    "clone without sharing": (56, (signal.SIGCHLD, 0, 0, 0, 0)),
    "clone with a new user namespace": (56, (0x1000_0000 | signal.SIGCHLD, 0, 0, 0, 0)),
    "clone of a thread that is traced": (56, (0x003D_0F00 | 0x2000, 0, 0, 0, 0)),
    "clone3": (435, (ZEROS, 88)),
    "execve": (59, (TEXT, 0, 0)),
    "execveat": (322, (-100, TEXT, 0, 0, 0)),
    "unshare of users": (272, (0x1000_0000,)),
    "unshare of mounts": (272, (0x0002_0000,)),
    "unshare of the network": (272, (0x4000_0000,)),
    "unshare of files alone": (272, (0x400,)),
    "setns": (308, (0, 0)),
    "mount": (165, (TEXT, TEXT, TEXT, 4096, 0)),
    "umount2": (166, (TEXT, 2)),
    "pivot_root": (155, (TEXT, TEXT)),
    "chroot": (161, (TEXT,)),
    "open_tree": (428, (-100, TEXT, 1)),
    "move_mount": (429, (-100, TEXT, -100, TEXT, 0)),
    "fsopen": (430, (TEXT, 0)),
    "fsmount": (432, (0, 0, 0)),
    "fspick": (433, (-100, TEXT, 0)),
    "mount_setattr": (442, (-100, TEXT, 0, ZEROS, 32)),
    "statmount": (457, (ZEROS, ZEROS, 512, 0)),
    "listmount": (458, (ZEROS, ZEROS, 64, 0)),
    "ptrace of oneself": (101, (0, 0, 0, 0)),
    "ptrace of the zygote": (101, (16, 1, 0, 0)),
    "ptrace by seizing": (101, (0x4206, 1, 0, 0)),
    "process_vm_readv": (310, (1, ZEROS, 1, ZEROS, 1, 0)),
    "process_vm_writev": (311, (1, ZEROS, 1, ZEROS, 1, 0)),
    "process_vm_readv of itself": (310, (os.getpid(), ZEROS, 1, ZEROS, 1, 0)),
    "process_madvise": (440, (0, ZEROS, 1, 4, 0)),
    "process_mrelease": (448, (0, 0)),
    "kcmp": (312, (1, 1, 2, 0, 0)),
    "pidfd_open": (434, (1, 0)),
    "pidfd_getfd": (438, (0, 0, 0)),
    "pidfd_send_signal": (424, (0, 9, 0, 0)),
    "tkill": (200, (1, 0)),
    "tgkill of the zygote": (234, (1, 1, 0)),
    "rt_sigqueueinfo": (129, (1, 10, ZEROS)),
    "rt_tgsigqueueinfo": (297, (1, 1, 10, ZEROS)),
    "prlimit64 of the zygote": (302, (1, 7, 0, ZEROS)),
    "setrlimit": (160, (7, ZEROS)),
    "setpriority": (141, (0, 0, 19)),
    "ioprio_set": (251, (1, 0, 0)),
    "sched_setaffinity": (203, (0, 128, ZEROS)),
    "sched_setscheduler": (144, (0, 0, ZEROS)),
    "sched_setattr": (314, (0, ZEROS, 0)),
    "get_robust_list of the zygote": (274, (1, ZEROS, ZEROS)),
    "socket": (41, (2, 1, 0)),
    "socket that is closed by exec": (41, (1, 0x80001, 0)),
    "socketpair": (53, (1, 1, 0, ZEROS)),
    "connect": (42, (0, ZEROS, 16)),
    "accept4": (288, (0, 0, 0, 0)),
    "bind": (49, (0, ZEROS, 16)),
    "sendto": (44, (1, ZEROS, 1, 0, 0, 0)),
    "sendmsg": (46, (1, ZEROS, 0)),
    "recvmsg": (47, (0, ZEROS, 0)),
    "sendmmsg": (307, (1, ZEROS, 1, 0)),
    "getsockopt": (55, (0, 1, 4, ZEROS, ZEROS)),
    "io_uring_setup": (425, (8, ZEROS)),
    "io_uring_enter": (426, (0, 1, 0, 0, 0, 0)),
    "io_uring_register": (427, (0, 0, 0, 0)),
    "io_setup": (206, (8, ZEROS)),
    "io_submit": (209, (0, 0, 0)),
    "bpf": (321, (5, ZEROS, 48)),
    "perf_event_open": (298, (ZEROS, 0, -1, -1, 0)),
    "userfaultfd": (323, (0,)),
    "userfaultfd for user mode": (323, (1,)),
    "fanotify_init": (300, (0, 0)),
    "inotify_init1": (294, (0,)),
    "signalfd4": (289, (-1, ZEROS, 8, 0)),
    "timerfd_create": (283, (0, 0)),
    "timer_create": (222, (0, 0, ZEROS)),
    "memfd_create": (319, (TEXT, 0)),
    "memfd_secret": (447, (0,)),
    "add_key": (248, (TEXT, TEXT, ZEROS, 8, -1)),
    "request_key": (249, (TEXT, TEXT, 0, -1)),
    "keyctl": (250, (0, -3, 1)),
    "shmget": (29, (0, 4096, 0o1666)),
    "shmat": (30, (0, 0, 0)),
    "semget": (64, (0, 1, 0o1666)),
    "msgget": (68, (0, 0o1666)),
    "mq_open": (240, (TEXT, 0o102, 0o600, 0)),
    "flock": (73, (0, 2)),
    "a lock by fcntl": (72, (0, fcntl.F_SETLK, ZEROS)),
    "a lease": (72, (0, fcntl.F_SETLEASE, 1)),
    "an owner of signals": (72, (0, fcntl.F_SETOWN, 1)),
    "a larger pipe": (72, (1, 1031, 1 << 20)),
    "seals": (72, (0, 1033, 0)),
    "typing into a terminal": (16, (0, 0x5412, ZEROS)),
    "the list of networks": (16, (0, 0x8912, ZEROS)),
    "a clone of a file by ioctl": (16, (0, 0x4004_9409, 0)),
    "asynchronous signals of a file": (16, (0, 0x5452, ZEROS)),
    "prctl that sets memory": (157, (35, 8, ZEROS, 0, 0)),
    "prctl that asks for a signal": (157, (1, 9, 0, 0, 0)),
    "prctl that makes it dumpable": (157, (4, 1, 0, 0, 0)),
    "prctl that lets others trace": (157, (0x59616D61, -1, 0, 0, 0)),
    "prctl that makes it a reaper": (157, (36, 1, 0, 0, 0)),
    "prctl of seccomp": (157, (22, 1, 0, 0, 0)),
    "arch_prctl": (158, (0x1012, 0)),
    "seccomp": (317, (0, 0, 0)),
    "landlock_create_ruleset": (444, (ZEROS, 8, 0)),
    "setuid": (105, (0,)),
    "setgid": (106, (0,)),
    "setresuid": (117, (0, 0, 0)),
    "setresuid to itself": (117, (-1, -1, -1)),
    "setfsuid": (122, (0,)),
    "setgroups": (116, (0, 0)),
    "capset": (126, (ZEROS, ZEROS)),
    "setsid": (112, ()),
    "setpgid": (109, (0, 0)),
    "chown": (92, (TEXT, 0, 0)),
    "lchown": (94, (TEXT, 0, 0)),
    "fchownat": (260, (-100, TEXT, 0, 0, 0)),
    "link": (86, (TEXT, TEXT)),
    "linkat": (265, (-100, TEXT, -100, TEXT, 0)),
    "mknod": (133, (TEXT, 0o020666, 0x101)),
    "setxattr": (188, (TEXT, TEXT, ZEROS, 1, 0)),
    "name_to_handle_at": (303, (-100, TEXT, ZEROS, ZEROS, 0)),
    "open_by_handle_at": (304, (-100, ZEROS, 0)),
    "openat2": (437, (-100, TEXT, ZEROS, 24)),
    "splice": (275, (0, 0, 1, 0, 1, 0)),
    "vmsplice": (278, (1, ZEROS, 0, 0)),
    "tee": (276, (0, 1, 1, 0)),
    "sync": (162, ()),
    "syncfs": (306, (0,)),
    "mlock": (149, (ZEROS, 1)),
    "mlockall": (151, (1,)),
    "mbind": (237, (0, 0, 0, 0, 0, 0)),
    "move_pages": (279, (1, 0, 0, 0, 0, 0)),
    "migrate_pages": (256, (1, 0, 0, 0)),
    "remap_file_pages": (216, (0, 0, 0, 0, 0)),
    "pkey_alloc": (330, (0, 0)),
    "personality": (135, (0x0040_0000,)),
    "modify_ldt": (154, (0, ZEROS, 16)),
    "iopl": (172, (3,)),
    "ioperm": (173, (0, 8, 1)),
    "sethostname": (170, (TEXT, 4)),
    "setdomainname": (171, (TEXT, 4)),
    "settimeofday": (164, (ZEROS, 0)),
    "clock_settime": (227, (0, ZEROS)),
    "adjtimex": (159, (ZEROS,)),
    "reboot": (169, (0, 0, 0, 0)),
    "kexec_load": (246, (0, 0, 0, 0)),
    "init_module": (175, (ZEROS, 0, TEXT)),
    "finit_module": (313, (0, TEXT, 0)),
    "delete_module": (176, (TEXT, 0)),
    "syslog": (103, (3, ZEROS, 64)),
    "swapon": (167, (TEXT, 0)),
    "acct": (163, (TEXT,)),
    "quotactl": (179, (0, 0, 0, 0)),
    "ustat": (136, (0, ZEROS)),
    "sysfs": (139, (3,)),
    "lookup_dcookie": (212, (0, ZEROS, 1)),
    "vhangup": (153, ()),
    "futex_waitv": (449, (ZEROS, 0, 0, 0, 0)),
    "set_mempolicy_home_node": (450, (0, 0, 0, 0)),
    "cachestat": (451, (0, ZEROS, ZEROS, 0)),
    "map_shadow_stack": (453, (0, 4096, 0)),
    "lsm_get_self_attr": (459, (100, ZEROS, ZEROS, 0)),
    "a number that no call has": (1023, ()),
    "the number below all": (-1, ()),
}  # fmt: skip
OTHER_NUMBERS = (0x4000_0000, 0x1_0000_0000, 0x8000_0000)
"""Added to a number: that of the x32 calls, what only a careless comparison takes for it, a sign."""
WALLS = (errno.EPERM, errno.ENOSYS)


def called(number: int, *arguments: object) -> object:
    """Make a call and say what came of it, unless it met the filter."""
    result = libc.syscall(ctypes.c_long(number), *map(as_argument, arguments))
    met = ctypes.get_errno()
    if result == -1 and met in WALLS:
        raise OSError(met, "the filter")
    return f"{number} gave {result}, errno {met}"


def as_argument(value: object) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


def by_number(number: int, arguments: tuple[object, ...], row: Row) -> object:
    return called(number, *arguments)


for name, (number, arguments) in CALLS.items():
    ATTEMPTS[f"calling {name}"] = partial(by_number, number, arguments)


@attempt
def calls_that_are_on_no_list(row: Row) -> object:
    """Every number up to 1024 that is not among the row's, with arguments that mean nothing.

    Two are for code that the kernel itself puts into a process, asks no filter, and answers SIGILL.
    """
    return [got for number in range(1024) if number not in (*row["allowed"], 335, 336)
            if (got := unless_walled(number, *(-1,) * 6))]  # fmt: skip


@attempt
def calls_by_other_numbers(row: Row) -> object:
    return [got for number, arguments in CALLS.values() for added in OTHER_NUMBERS[::2]
            if number >= 0 and (got := unless_walled(number + added, *arguments))]  # fmt: skip


@attempt
def allowed_calls_by_the_numbers_of_x32(row: Row) -> object:
    return [got for number in row["allowed"]
            if (got := unless_walled(number + OTHER_NUMBERS[0], *(-1,) * 6))]  # fmt: skip


def unless_walled(number: int, *arguments: object) -> object:
    try:
        return called(number, *arguments)
    except OSError:
        return None


@attempt
def signals_to_every_process(row: Row) -> object:
    own = os.getpid()
    return [pid for pid in (*range(-300, 300), row["server"], -row["server"])
            if pid not in (own, 0) and done(os.kill, pid, 0)]  # fmt: skip


@attempt
def a_signal_to_its_group(row: Row) -> object:
    os.kill(0, signal.SIGKILL)
    return True


@attempt
def a_group_of_processes_killed(row: Row) -> object:
    os.killpg(os.getpgrp() or 1, signal.SIGKILL)
    return True


@attempt
def signals_to_threads_of_others(row: Row) -> object:
    return [pid for pid in (1, row["server"]) if done(called, 234, pid, pid, 0)]


@attempt
def the_limits_of_others(row: Row) -> object:
    return [
        pid for pid in range(1, 64) if pid != os.getpid() and done(called, 302, pid, 7, 0, ZEROS)
    ]


@attempt
def higher_limits(row: Row) -> object:
    """Its own may be lowered; none can be raised."""
    import resource

    found = []
    for name in ("RLIMIT_AS", "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_NPROC",
                 "RLIMIT_CORE", "RLIMIT_MEMLOCK", "RLIMIT_MSGQUEUE"):  # fmt: skip
        which = getattr(resource, name)
        _, hard = resource.getrlimit(which)
        if hard == resource.RLIM_INFINITY:
            found.append(name)
        with_more = (hard + 1, hard + 1)
        try:
            resource.setrlimit(which, with_more)
        except (OSError, ValueError):
            continue
        found.append(name)
    return found


@attempt
def rights_of_root(row: Row) -> object:
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid(), *os.getgroups()):
        return True
    return done(os.setuid, 0) or done(os.seteuid, 0) or done(os.setgid, 0) or done(os.setgroups, [])


@attempt
def capabilities(row: Row) -> object:
    header = (ctypes.c_uint32 * 2)(0x2008_0522, 0)
    held = (ctypes.c_uint32 * 6)()
    return called(125, header, held) and any(held)


@attempt
def more_cores_and_a_better_turn(row: Row) -> object:
    return done(os.sched_setaffinity, 0, range(64)) or done(os.nice, -5) or done(os.nice, 1)


def done(function: Callable[..., object], *arguments: object) -> bool:
    try:
        function(*arguments)
    except (OSError, OverflowError):
        return False
    return True


# ---- Programs


@attempt
def a_fork(row: Row) -> object:
    if os.fork() == 0:
        os._exit(0)
    return True


@attempt
def a_fork_at_a_terminal(row: Row) -> object:
    if pty.fork()[0] == 0:
        os._exit(0)
    return True


@attempt
def a_process_of_multiprocessing(row: Row) -> object:
    multiprocessing.get_context("fork").Process(target=int).start()
    return True


@attempt
def a_program(row: Row) -> object:
    return subprocess.run([sys.executable, "-c", ""], check=False)


@attempt
def a_program_by_execv(row: Row) -> object:
    os.execv(sys.executable, [sys.executable, "-c", "print('ran')"])


@attempt
def a_program_by_posix_spawn(row: Row) -> object:
    return os.posix_spawn(sys.executable, [sys.executable, "-c", ""], {})


@attempt
def a_program_by_the_shell(row: Row) -> object:
    status = libc.system(b"echo ran")
    return status in (0, 256)


@attempt
def a_program_by_popen(row: Row) -> object:
    return os.popen("echo ran").read()


@attempt
def a_program_by_the_loader(row: Row) -> object:
    loader = "/lib64/ld-linux-x86-64.so.2"
    os.execv(loader, [loader, sys.executable, "-c", ""])


@attempt
def a_program_from_the_scratch_folder(row: Row) -> object:
    with open("/scratch/program", "wb") as file, open(sys.executable, "rb") as python:
        file.write(python.read(1 << 20))
    os.chmod("/scratch/program", 0o6755)
    os.execv("/scratch/program", ["program"])


@attempt
def a_program_by_its_descriptor(row: Row) -> object:
    os.execve(os.open(sys.executable, os.O_RDONLY), [sys.executable, "-c", ""], {})


@attempt
def a_program_from_memory(row: Row) -> object:
    return os.memfd_create("program")


# ---- What others could share


@attempt
def shared_memory_with_a_name(row: Row) -> object:
    return shared_memory.SharedMemory(create=True, size=4096)


@attempt
def a_queue_between_processes(row: Row) -> object:
    return multiprocessing.Queue()


@attempt
def a_lock_between_processes(row: Row) -> object:
    return multiprocessing.Lock()


@attempt
def locks_on_files(row: Row) -> object:
    with open(os.__file__) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        return True


@attempt
def locks_on_parts_of_files(row: Row) -> object:
    with open("/scratch/mine", "w") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        return True


@attempt
def watching_files_of_others(row: Row) -> object:
    watch = libc.inotify_init1(0)
    if watch < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    return libc.inotify_add_watch(watch, b"/usr/lib", 0xFFF) >= 0


@attempt
def an_event_loop(row: Row) -> object:
    """It needs a pair of sockets."""
    return asyncio.new_event_loop()


@attempt
def system_calls_of_a_thread(row: Row) -> object:
    """The filter holds for threads that begin later."""
    found: list[object] = []
    calls = [CALLS[name] for name in ("socket", "fork", "unshare of users", "ptrace of the zygote")]
    thread = threading.Thread(
        target=lambda: found.extend(unless_walled(number, *given) for number, given in calls)
    )
    thread.start()
    thread.join()
    return [each for each in found if each] if len(found) == len(calls) else "the thread broke"


@attempt
def system_calls_of_machine_code(row: Row) -> object:
    """The filter looks at calls of the processor, whoever makes them."""
    import mmap

    # mov eax, 41 (socket); mov edi, 2; mov esi, 1; xor edx, edx; syscall; ret
    code = bytes.fromhex("b829000000bf02000000be0100000031d20f05c3")
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(code)
    function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    result = function()
    if result == -errno.EPERM:
        raise OSError(errno.EPERM, "the filter")
    return result

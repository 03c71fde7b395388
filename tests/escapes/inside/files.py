"""Attempts on files: to read what is not for graders, and to change what others read."""

import ctypes
import ctypes.util
import mmap
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial

from tests.escapes.inside.trying import ATTEMPTS, Row, attempt, grade

__all__ = ["grade"]

SECRETS = (
    "/etc/passwd", "/etc/shadow", "/etc/hosts", "/etc/resolv.conf", "/etc/machine-id", "/etc/ssl",
    "/root/.ssh", "/root/.bashrc", "/root/.netrc", "/home", "/var/lib", "/var/log", "/var/tmp",
    "/run", "/boot", "/mnt", "/opt", "/srv", "/sys", "/usr/bin", "/usr/sbin", "/bin/sh",
    "/usr/share/doc", "/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse",
    "/dev/net/tun", "/dev/ptmx", "/dev/pts", "/dev/tty", "/dev/shm", "/dev/fd", "/dev/stdin",
    "/dev/loop0", "/dev/hugepages", "/dev/mqueue", "/.dockerenv", "/evald/settings.py",
)  # fmt: skip
OF_PROC = (
    "", "self", "self/environ", "self/maps", "self/mem", "self/fd", "self/root", "self/cwd",
    "self/exe", "self/cmdline", "self/mountinfo", "self/net/tcp", "self/task", "self/ns",
    "thread-self", "1", "1/environ", "1/root/etc/passwd", "1/cwd", "1/mem", "1/fd/0", "net",
    "sys/kernel", "sys/kernel/core_pattern", "mounts", "kcore", "keys", "cmdline", "meminfo",
    "sysrq-trigger", "version",
)  # fmt: skip


def read(path: str, row: Row | None = None) -> object:
    """Give what a file or a folder has in it."""
    if os.path.isdir(path):
        return os.listdir(path)
    with open(path, "rb", buffering=0) as file:
        return file.read(64)


for name in SECRETS:
    ATTEMPTS[f"reading {name}"] = partial(read, name)
for name in OF_PROC:
    ATTEMPTS[f"reading /proc/{name}"] = partial(read, f"/proc/{name}")


@attempt
def files_of_others(row: Row) -> object:
    return read_any(row["outside"], read)


@attempt
def files_of_the_server(row: Row) -> object:
    return read_any(row["hidden"], read)


@attempt
def files_of_evald_itself(row: Row) -> object:
    return read_any(row["own"], read)


@attempt
def files_through_the_root_of_a_process(row: Row) -> object:
    return read_any(
        [
            f"/proc/{process}/root{path}"
            for process in ("self", 1, row["server"])
            for path in all_of(row)
        ],
        read,
    )


@attempt
def files_through_a_symbolic_link(row: Row) -> object:
    def through(path: str) -> object:
        link = tempfile.mktemp()
        os.symlink(path, link)
        return read(link)

    return read_any(all_of(row), through)


@attempt
def files_through_a_linked_folder(row: Row) -> object:
    os.symlink("/", "/scratch/all")
    os.symlink("../../../../..", "/scratch/above")
    return read_any(
        [f"/scratch/{link}{path}" for link in ("all", "above") for path in all_of(row)], read
    )


@attempt
def files_through_a_hard_link(row: Row) -> object:
    return read_any(all_of(row), lambda path: done(os.link, path, tempfile.mktemp()))


@attempt
def a_hard_link_to_a_package(row: Row) -> object:
    os.link(os.__file__, "/scratch/os.py")
    return True


@attempt
def files_below_the_root_that_is_open(row: Row) -> object:
    root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    up = os.open("../../..", os.O_PATH, dir_fd=root)

    def below(path: str) -> object:
        file = os.open(path[1:], os.O_RDONLY, dir_fd=up)
        return os.listdir(file) if stat.S_ISDIR(os.fstat(file).st_mode) else os.read(file, 64)

    return read_any(all_of(row), below)


@attempt
def files_by_their_handle(row: Row) -> object:
    libc = ctypes.CDLL(None, use_errno=True)
    handle = ctypes.create_string_buffer(b"\x08\0\0\0\x81\0\0\0" + b"\x02" + bytes(127))
    if libc.open_by_handle_at(-100, handle, os.O_RDONLY) < 0:
        raise OSError(ctypes.get_errno(), "open_by_handle_at")
    return True


def odd_in_the_tree(part: int, row: Row) -> object:
    """A part of all files: for names of files outside, for what can be written, or takes rights."""
    return [path for path in of_the_tree(part) if row["mark"] in path or can_be_used(path)]


PARTS = 8
for number in range(PARTS):
    ATTEMPTS[f"what is odd in the tree, part {number + 1}"] = partial(odd_in_the_tree, number)


def of_the_tree(part: int) -> Iterator[str]:
    """Give what is near the root, and what lies below every eighth folder of those further down."""
    for folder, inner, files in os.walk("/"):
        if folder.startswith("/scratch"):
            continue
        depth = folder.count("/")
        if depth == 7 and zlib.crc32(folder.encode()) % PARTS != part:
            inner.clear()
            continue
        yield from (f"{folder}/{name}" for name in (*inner, *files))


def can_be_used(path: str) -> object:
    """Say that a file can be written, a file made in a folder, or that a program gives its rights."""
    mode = os.lstat(path).st_mode
    if stat.S_ISDIR(mode):
        return path != "//scratch" and os.access(path, os.W_OK) and made(path)
    if not stat.S_ISREG(mode):
        return False
    if mode & (stat.S_ISUID | stat.S_ISGID) and os.access(path, os.X_OK):
        os.execv(path, [path])
    return os.access(path, os.W_OK) and opened(path)


def opened(path: str) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY))
    except OSError:
        return False
    return True


@attempt
def descriptors_that_were_inherited(row: Row) -> object:
    """Only the ends of pipes and an empty device may be open: no file, no folder, no socket."""
    found = []
    for number in range(1024):
        try:
            mode = os.fstat(number).st_mode
        except OSError:
            continue
        if not stat.S_ISFIFO(mode) and not (number == 0 and stat.S_ISCHR(mode)):
            found.append((number, oct(mode)))
    return found


@attempt
def names_of_descriptors(row: Row) -> object:
    """Its own pipes may have names; files, and whatever is open in the zygote, may not."""
    found = []
    for place in ("/dev/fd", "/proc/self/fd", "/proc/1/fd", f"/proc/{os.getppid()}/fd"):
        for number in range(32):
            for flags in (os.O_RDONLY, os.O_WRONLY):
                try:
                    file = os.open(f"{place}/{number}", flags | os.O_NONBLOCK)
                except OSError:
                    continue
                is_pipe = stat.S_ISFIFO(os.fstat(file).st_mode)
                os.close(file)
                is_own = place in ("/dev/fd", "/proc/self/fd")
                if not (is_own and (is_pipe or number == 0)):
                    found.append((place, number))
    return found


@attempt
def what_is_known_of_the_zygote(row: Row) -> object:
    of_process = ("mem", "maps", "environ", "cmdline", "root/etc/passwd", "cwd/etc/passwd", "exe")
    return read_any([f"/proc/{os.getppid()}/{name}" for name in of_process], read)


@attempt
def the_library_written_over(row: Row) -> object:
    return read_any([os.__file__, shutil.__file__, sys.executable], lambda p: os.open(p, os.O_RDWR))


@attempt
def a_package_written_over(row: Row) -> object:
    return read_any(row["packages"], lambda path: os.open(path, os.O_WRONLY | os.O_TRUNC))


@attempt
def a_package_cut_off(row: Row) -> object:
    return read_any(row["packages"], lambda path: done(os.truncate, path, 0))


@attempt
def a_package_renamed_over(row: Row) -> object:
    with open("/scratch/new.py", "w") as new:
        new.write("evil = True")
    return read_any(row["packages"], lambda path: done(os.rename, "/scratch/new.py", path))


@attempt
def a_package_removed(row: Row) -> object:
    return read_any(row["packages"], lambda path: done(os.unlink, path))


@attempt
def a_package_with_another_mode(row: Row) -> object:
    return read_any(row["packages"], lambda path: done(os.chmod, path, 0o777))


@attempt
def a_package_of_another_owner(row: Row) -> object:
    return read_any(row["packages"], lambda path: done(os.chown, path, os.getuid(), os.getgid()))


@attempt
def a_package_with_another_time(row: Row) -> object:
    return read_any(row["packages"], lambda path: done(os.utime, path, (1, 1)))


@attempt
def a_package_with_an_attribute(row: Row) -> object:
    return read_any(row["packages"], lambda path: done(os.setxattr, path, "user.mark", b"1"))


@attempt
def a_package_changed_through_memory(row: Row) -> object:
    """A private mapping can be changed and reaches nobody; a shared one cannot be made."""
    with open(os.__file__, "rb") as file:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)


@attempt
def compiled_files_of_packages(row: Row) -> object:
    cache = os.path.join(os.path.dirname(os.__file__), "__pycache__")
    return made(cache) or made(os.path.dirname(cache))


@attempt
def times_of_devices(row: Row) -> object:
    """They are those of the machine: a mark on them would be seen outside, and by every other row."""
    return read_any([f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom")],
                    lambda path: done(os.utime, path))  # fmt: skip


@attempt
def devices_with_another_mode(row: Row) -> object:
    return read_any(["/dev/null", "/dev/zero"], lambda path: done(os.chmod, path, 0o600))


@attempt
def devices_made(row: Row) -> object:
    os.mknod("/scratch/mem", stat.S_IFCHR | 0o666, os.makedev(1, 1))
    return True


@attempt
def a_named_pipe(row: Row) -> object:
    os.mkfifo("/scratch/pipe")
    return True


@attempt
def a_file_of_root(row: Row) -> object:
    with open("/scratch/mine", "w"):
        os.chown("/scratch/mine", 0, 0)
    return True


@attempt
def the_scratch_folder_of_another_owner(row: Row) -> object:
    os.chown("/scratch", 0, 0)
    return True


@attempt
def a_library_of_its_own(row: Row) -> object:
    """Nothing in the scratch space can be loaded as code."""
    shutil.copy(ctypes.util.__file__, "/scratch/no.so")
    with open("/scratch/no.so", "r+b") as file:
        return mmap.mmap(file.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_EXEC)


@attempt
def variables_of_the_server(row: Row) -> object:
    known = {"HOME", "PATH", "LANG", "LC_CTYPE", "PWD", "TMPDIR", "LD_LIBRARY_PATH", "NLTK_DATA",
             "MALLOC_ARENA_MAX",
             "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}  # fmt: skip
    libc = ctypes.CDLL(None)
    libc.getenv.restype = ctypes.c_char_p
    raw = [name for name in row["variables"] if libc.getenv(name.encode())]
    return sorted(set(os.environ) - known) + raw


def done(change: Callable[..., object], *arguments: object) -> bool:
    """Make a change, and say that it was possible."""
    change(*arguments)
    return True


def all_of(row: Row) -> list[str]:
    return [*row["outside"], *row["hidden"], *row["own"], "/etc/passwd", "/etc/shadow"]


def read_any(paths: list[str], how: Callable[[str], object]) -> object:
    """Give the first that could be had; a wall that all of them met is raised."""
    met = None
    for path in paths:
        try:
            got = how(path)
        except OSError as error:
            met = error
        else:
            if got:
                return path, got
    if met is not None:
        raise met
    return None


def made(folder: str) -> object:
    """Give whether a file can be made in a folder."""
    for flags in (os.O_CREAT | os.O_EXCL, os.O_TMPFILE):
        try:
            name = folder if flags == os.O_TMPFILE else f"{folder}/escape"
            os.close(os.open(name, flags | os.O_WRONLY, 0o600))
        except OSError:
            continue
        return folder
    return None

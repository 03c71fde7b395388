"""The filters, run on a machine of our own: every number, and arguments of all kinds."""

import errno
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.sandbox.seccomp import seccomp_filter
from evald.sandbox.syscalls import (
    OWN_PID,
    Answer,
    Machine,
    OnlyWith,
    by_number,
    row_calls,
    zygote_calls,
)
from tests.sandbox.bpf import answer_of

PROCESSORS: dict[Machine, int] = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}
MACHINES: tuple[Machine, ...] = ("x86_64", "aarch64")
ALLOW, KILL_PROCESS = 0x7FFF_0000, 0x8000_0000
ALLOWED: list[Literal["allow"]] = ["allow"]
THREAD, FORK = 0x3D0F00, 0x0120_0011

# Numbers of the processors' own lists, not from the table that is tested.
FORBIDDEN: dict[Machine, dict[str, int]] = {
    "x86_64": {"socket": 41, "fork": 57, "vfork": 58, "execve": 59, "ptrace": 101, "mount": 165},
    "aarch64": {"socket": 198, "execve": 221, "ptrace": 117, "mount": 40, "unshare": 97},
}
CLONE: dict[Machine, int] = {"x86_64": 56, "aarch64": 220}
KILL: dict[Machine, int] = {"x86_64": 62, "aarch64": 129}
READ: dict[Machine, int] = {"x86_64": 0, "aarch64": 63}


def failing(number: int) -> int:
    return 0x0005_0000 | number


PROGRAMS = {
    machine: seccomp_filter(by_number(row_calls(scratch=True), machine), machine).program
    for machine in MACHINES
}


def row_answer(machine: Machine, number: int, *arguments: int) -> int:
    return answer_of(PROGRAMS[machine], PROCESSORS[machine], number, arguments)


@pytest.mark.parametrize("machine", MACHINES)
def test_what_is_not_named_is_not_permitted(machine: Machine) -> None:
    named = by_number(row_calls(scratch=True), machine)

    unnamed = {row_answer(machine, number) for number in range(1024) if number not in named}

    assert unnamed == {failing(errno.EPERM)}
    assert not FORBIDDEN[machine].values() & named.keys()


@pytest.mark.parametrize("machine", MACHINES)
def test_a_row_makes_threads_and_no_processes(machine: Machine) -> None:
    assert row_answer(machine, CLONE[machine], THREAD) == ALLOW
    for flags in (FORK, 0x11, THREAD | 0x1000_0000, THREAD & ~0x100, 0):
        assert row_answer(machine, CLONE[machine], flags) == failing(errno.EPERM)
    assert row_answer(machine, 435) == failing(errno.ENOSYS)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_row_signals_itself_alone(machine: Machine) -> None:
    filter_ = seccomp_filter(by_number(row_calls(scratch=True), machine), machine)
    program = bytearray(filter_.program)
    for place in filter_.own_pid_at:
        program[place : place + 4] = (4321).to_bytes(4, "little")

    def killing(pid: int) -> int:
        return answer_of(bytes(program), PROCESSORS[machine], KILL[machine], (pid, 9))

    assert killing(4321) == ALLOW
    assert {killing(pid) for pid in (0, 1, 4320, OWN_PID, 0xFFFF_FFFF)} == {failing(errno.EPERM)}


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("processor", [0x4000_0003, 0x4000_0028, 0])
def test_a_call_by_another_processor_s_numbers_kills(machine: Machine, processor: int) -> None:
    assert answer_of(PROGRAMS[machine], processor, READ[machine]) == KILL_PROCESS


@pytest.mark.parametrize("bit", [0x4000_0000, -(1 << 31)], ids=["x32", "below zero"])
def test_numbers_beside_the_table_are_not_permitted(bit: int) -> None:
    assert row_answer("x86_64", 0 + bit) == failing(errno.EPERM)


def test_without_scratch_no_call_changes_files() -> None:
    names = row_calls(scratch=True).keys() - row_calls(scratch=False).keys()

    assert {"mkdir", "unlink", "rename", "chmod", "truncate", "symlink", "utimensat"} <= names
    assert "openat" in row_calls(scratch=False)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_zygote_forks_and_may_all_that_its_rows_may(machine: Machine) -> None:
    row, zygote = (
        by_number(row_calls(scratch=True), machine),
        by_number(zygote_calls(), machine),
    )
    program = seccomp_filter(zygote, machine).program

    assert row.keys() < zygote.keys()
    for flags in (FORK, THREAD):
        assert answer_of(program, PROCESSORS[machine], CLONE[machine], (flags,)) == ALLOW
    for number in FORBIDDEN[machine].values():
        assert answer_of(program, PROCESSORS[machine], number) == failing(errno.EPERM)


numbers = st.integers(0, 700)
values = st.integers(0, 2**32 - 1)
answers: st.SearchStrategy[Answer] = st.one_of(
    st.sampled_from(ALLOWED),
    st.sampled_from([errno.EPERM, errno.ENOSYS]),
    st.builds(OnlyWith, st.integers(0, 5), st.lists(values, min_size=1, max_size=9).map(tuple)),
)


@given(st.dictionaries(numbers, answers, max_size=400), st.data())
def test_a_filter_answers_as_its_table_says(calls: dict[int, Answer], data: st.DataObject) -> None:
    number = data.draw(st.sampled_from(sorted(calls)) if calls else numbers)
    arguments = data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6))
    expected = failing(errno.EPERM)
    match calls.get(number):
        case OnlyWith(argument, allowed):
            if data.draw(st.booleans()):
                arguments[argument] = allowed[-1]
            if arguments[argument] & 0xFFFF_FFFF in allowed:
                expected = ALLOW
        case int(error):
            expected = failing(error)
        case "allow":
            expected = ALLOW

    program = seccomp_filter(calls, "x86_64").program

    assert answer_of(program, PROCESSORS["x86_64"], number, arguments) == expected

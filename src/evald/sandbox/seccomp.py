"""Seccomp filters: which system calls a process may make, as the program that the kernel runs on each.

A filter is a program for the kernel's classic BPF machine. It looks the number of the call up in a tree
of comparisons, so a call costs some ten steps, however many are named.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from evald.sandbox.syscalls import OWN_PID, Answer, Machine, OnlyWith

_INSTRUCTION: Final = struct.Struct("<HBBI")
_LOAD: Final = 0x20  # a word of the call's description: its number, its processor, an argument
_JUMP: Final = 0x05
_JUMP_IF_EQUAL: Final = 0x15
_JUMP_IF_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
_FARTHEST: Final = 255  # what a conditional jump can leave out

_NUMBER_AT: Final = 0
_PROCESSOR_AT: Final = 4
_ARGUMENTS_AT: Final = 16

_ALLOW: Final = 0x7FFF_0000
_FAIL: Final = 0x0005_0000
_KILL_PROCESS: Final = 0x8000_0000
_EPERM: Final = 1
_PROCESSORS: Final[Mapping[Machine, int]] = {"x86_64": 0xC000_003E, "aarch64": 0xC000_00B7}


@dataclass(frozen=True, slots=True)
class _Instruction:
    code: int
    k: int
    if_true: int = 0
    if_false: int = 0


_Code = list[_Instruction]


@dataclass(frozen=True, slots=True)
class Filter:
    """A program as the kernel takes it."""

    program: bytes
    own_pid_at: tuple[int, ...]
    """Where, in bytes, the process must write its own number (32 bits) before it sets the filter."""


def seccomp_filter(calls: Mapping[int, Answer], machine: Machine) -> Filter:
    """Give the filter that answers the calls of these numbers so, and all others with EPERM.

    A call by the numbers of another processor, as 64-bit processors make 32-bit ones, kills the process.
    """
    code = [
        _Instruction(_LOAD, _PROCESSOR_AT),
        _Instruction(_JUMP_IF_EQUAL, _PROCESSORS[machine], if_true=1),
        _Instruction(_RETURN, _KILL_PROCESS),
        _Instruction(_LOAD, _NUMBER_AT),
        *_tree(_intervals(calls)),
    ]
    program = b"".join(
        _INSTRUCTION.pack(each.code, each.if_true, each.if_false, each.k) for each in code
    )
    k_at = _INSTRUCTION.size - 4
    own_pid_at = tuple(
        place * _INSTRUCTION.size + k_at for place, each in enumerate(code) if each.k == OWN_PID
    )
    return Filter(program, own_pid_at)


def _intervals(calls: Mapping[int, Answer]) -> list[tuple[int, Answer]]:
    """Give the answers for all numbers, each with the first number that it is for."""
    last = max(calls, default=-1) + 1
    answers = ((number, calls.get(number, _EPERM)) for number in range(last + 1))
    grouped = groupby(answers, key=lambda numbered: numbered[1])
    return [(next(numbers)[0], answer) for answer, numbers in grouped]


def _tree(intervals: Sequence[tuple[int, Answer]]) -> _Code:
    if len(intervals) == 1:
        return _answer(intervals[0][1])
    half = len(intervals) // 2
    below, above = _tree(intervals[:half]), _tree(intervals[half:])
    first_above = intervals[half][0]
    if len(below) <= _FARTHEST:
        branch = [_Instruction(_JUMP_IF_AT_LEAST, first_above, if_true=len(below))]
    else:
        branch = [
            _Instruction(_JUMP_IF_AT_LEAST, first_above, if_false=1),
            _Instruction(_JUMP, len(below)),
        ]
    return branch + below + above


def _answer(answer: Answer) -> _Code:
    match answer:
        case OnlyWith(argument, values):
            return _only_with(argument, values)
        case int(number):
            return [_Instruction(_RETURN, _FAIL | number)]
        case _:
            return [_Instruction(_RETURN, _ALLOW)]


def _only_with(argument: int, values: Sequence[int]) -> _Code:
    # The lower half of the argument comes first on both processors; the kernel looks at no more of it.
    load = _Instruction(_LOAD, _ARGUMENTS_AT + 8 * argument)
    to_allow = [
        _Instruction(_JUMP_IF_EQUAL, value, if_true=len(values) - place)
        for place, value in enumerate(values)
    ]
    return [load, *to_allow, _Instruction(_RETURN, _FAIL | _EPERM), _Instruction(_RETURN, _ALLOW)]

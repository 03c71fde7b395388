"""The kernel's machine for seccomp filters, as far as ours use it."""

import struct
from collections.abc import Sequence

CALL = struct.Struct("<iIQ6Q")


def answer_of(program: bytes, processor: int, number: int, arguments: Sequence[int] = ()) -> int:
    """Give what the filter returns for a system call."""
    padded = [*arguments, *[0] * (6 - len(arguments))]
    call = CALL.pack(number, processor, 0, *padded)
    code = list(struct.iter_unpack("<HBBI", program))
    at, accumulator = 0, 0
    while True:
        instruction, if_true, if_false, k = code[at]
        at += 1
        match instruction:
            case 0x20:
                (accumulator,) = struct.unpack_from("<I", call, k)
            case 0x05:
                at += k
            case 0x15:
                at += if_true if accumulator == k else if_false
            case 0x35:
                at += if_true if accumulator >= k else if_false
            case 0x06:
                return int(k)
            case _:
                raise AssertionError(f"no such instruction: {instruction:#x}")

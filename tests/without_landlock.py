"""Run a command as on a kernel without Landlock: ``python tests/without_landlock.py COMMAND...``"""

import ctypes
import errno
import os
import struct
import sys

INSTRUCTION = struct.Struct("<HBBI")
LOAD_NUMBER = INSTRUCTION.pack(0x20, 0, 0, 0)
CREATE_RULESET = 444
"""The same on every kind of processor."""
IS_CREATE_RULESET = INSTRUCTION.pack(0x15, 0, 1, CREATE_RULESET)
NO_SUCH_CALL = INSTRUCTION.pack(0x06, 0, 0, 0x0005_0000 | errno.ENOSYS)
ALLOW = INSTRUCTION.pack(0x06, 0, 0, 0x7FFF_0000)
PROGRAM = LOAD_NUMBER + IS_CREATE_RULESET + NO_SUCH_CALL + ALLOW

PR_SET_NO_NEW_PRIVS = 38
PR_SET_SECCOMP = 22
SECCOMP_MODE_FILTER = 2


class Filter(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_char_p))


def main() -> None:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    program = Filter(len(PROGRAM) // INSTRUCTION.size, PROGRAM)
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "no filter could be set")
    os.execv(sys.argv[1], sys.argv[1:])


if __name__ == "__main__":
    main()

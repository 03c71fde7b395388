"""The run and the row of an item in one number: within a run, keys are in the order of the rows."""

from typing import Final

_ROW_BITS: Final = 32


def key_of(run_seq: int, row: int) -> int:
    """Give the key of the item of a row."""
    return run_seq << _ROW_BITS | row


def row_of(key: int) -> int:
    """Give the row of the item with a key."""
    return key & (1 << _ROW_BITS) - 1


def keys_of(run_seq: int) -> tuple[int, int]:
    """Give the first and the last key that items of a run can have."""
    return key_of(run_seq, 0), key_of(run_seq + 1, 0) - 1

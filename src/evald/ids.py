"""New ids, in the look of OpenAI's: a prefix and 32 hexadecimal digits (contract section 3)."""

import os
import uuid


def new_id(prefix: str) -> str:
    """Give a fresh id such as `eval_68fd…`, 128 random bits long."""
    return f"{prefix}_{os.urandom(16).hex()}"


def new_file_id() -> str:
    """Give a fresh file id; files alone use a hyphen (contract section 2.5)."""
    return f"file-{os.urandom(16).hex()}"


def criterion_id(name: str) -> str:
    """Give the id of a testing criterion: its name and a random uuid4 (contract section 3.1)."""
    return f"{name}-{uuid.uuid4()}"

"""New ids, in the look of OpenAI's: a prefix and 32 hexadecimal digits (contract section 3)."""

import random
import uuid


def new_id(prefix: str) -> str:
    """Give a fresh id such as `eval_68fd…`, 128 random bits long.

    Ids are names and no secrets; asking the system for each one costs a run 3 % of its time.
    """
    return f"{prefix}_{random.getrandbits(128):032x}"


def new_file_id() -> str:
    """Give a fresh file id; files alone use a hyphen (contract section 2.5)."""
    return f"file-{random.getrandbits(128):032x}"


def new_completion_id() -> str:
    """Give a fresh id of a chat completion, for one whose endpoint gave it none that can be kept."""
    return f"chatcmpl-{random.getrandbits(128):032x}"


def new_response_id() -> str:
    """Give a fresh id of a response, for one whose endpoint gave it none that can be kept."""
    return f"resp_{random.getrandbits(128):032x}"


def new_key_id() -> str:
    """Give a fresh id of an API key: short, since people type it."""
    return f"key_{random.getrandbits(48):012x}"


def criterion_id(name: str) -> str:
    """Give the id of a testing criterion: its name and a random uuid4 (contract section 3.1)."""
    return f"{name}-{uuid.uuid4()}"

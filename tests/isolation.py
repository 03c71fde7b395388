"""Whether python graders can be run on this machine; where not, their tests say so loudly."""

import asyncio
import functools
import os

import pytest

from evald.sandbox.python_sandboxes import PythonSandboxes


def needs_isolation() -> None:
    """Skip a test where nothing isolates; in CI it goes on, and fails."""
    if "CI" not in os.environ and not is_isolated():
        pytest.skip(
            "NO PYTHON GRADER RAN: nothing isolates here, 'evald doctor' says what to install"
        )


@functools.cache
def is_isolated() -> bool:
    """Say what the self-test says, of which one is made."""

    async def ask() -> bool:
        sandboxes = PythonSandboxes()
        try:
            return (await sandboxes.isolation()).backend is not None
        finally:
            await sandboxes.close()

    return asyncio.run(ask())

"""The barrier: calls wait here until a test lets them go on."""

import asyncio
import math
from collections import deque


class Gate:
    """Closed at first; lets calls through in the order in which they came."""

    def __init__(self) -> None:
        self.free: float = 0  # so many calls may still pass
        self.waiting: deque[asyncio.Future[None]] = deque()

    def close(self) -> None:
        """Let no call through that comes from now on; those that wait go on waiting."""
        self.free = 0

    def release(self, count: float = math.inf) -> None:
        """Let so many more calls through: first those that wait, then those that come later."""
        self.free += count
        while self.waiting and self.free > 0:
            first = self.waiting.popleft()
            if not first.done():
                first.set_result(None)
                self.free -= 1

    async def passed(self) -> None:
        """Return when this call may go on."""
        if self.free > 0:
            self.free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        await turn

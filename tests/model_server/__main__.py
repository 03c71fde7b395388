"""The process: ``python -m tests.model_server --port 0``."""

import argparse
import asyncio
import signal
import socket

import uvloop

from tests.model_server.connection import Connection
from tests.model_server.service import Service

BACKLOG = 1_024


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="python -m tests.model_server", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one (default)")
    asked = parser.parse_args()
    uvloop.run(serve(asked.host, asked.port))


async def serve(host: str, port: int) -> None:
    """Print the base URL when ready; on a signal close all connections and return."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    service, connections = Service(), set[Connection]()
    listening = socket.create_server((host, port), backlog=BACKLOG)
    server = await loop.create_server(lambda: Connection(service, connections), sock=listening)
    print(f"http://{host}:{listening.getsockname()[1]}/v1", flush=True)
    await stopped.wait()
    server.close()
    for connection in list(connections):
        connection.cut()


if __name__ == "__main__":
    main()

"""A wire to Postgres that can be cut, also behind a commit whose answer nobody gets, or go silent."""

import socket
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

COMMIT: Final = b"COMMIT;"
PIECE: Final = 1 << 16


class Wire:
    """Passes connections on to a port of this machine, while the `with` lasts."""

    def __init__(self, target: int) -> None:
        """Listen on a free port."""
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._counting = threading.Lock()
        self._commits_to_cut = 0
        self.commits_cut = 0
        self._passing = threading.Event()
        self._passing.set()

    def __enter__(self) -> Self:
        """Begin to take connections."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Cut everything, for good."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.pass_again()
        self.cut()

    def fall_silent(self) -> None:
        """Take connections and bytes, and pass nothing on: nobody is told that the way is gone."""
        self._passing.clear()

    def pass_again(self) -> None:
        """Pass on what has come meanwhile, in its order, and all that comes."""
        self._passing.set()

    def cut(self) -> None:
        """Cut all connections that there are; new ones are passed on again."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            _close(*pair)

    def lose_answers_of_commits(self, count: int) -> None:
        """Pass the next commits on, and cut their connections before the answers come back."""
        self._commits_to_cut = count

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._target))
            except OSError:  # Postgres is away
                _close(client)
                continue
            self._pairs.append((client, server))
            lost = threading.Event()
            for source, sink, is_asking in ((client, server, True), (server, client, False)):
                passing = (source, sink, lost, is_asking)
                threading.Thread(target=self._pass_on, args=passing, daemon=True).start()

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, lost: threading.Event, is_asking: bool
    ) -> None:
        with suppress(OSError):
            while piece := self._received(source):
                if is_asking and COMMIT in piece:
                    self._lose_one(lost)
                if not is_asking and lost.is_set():  # Postgres has answered, so it has committed
                    with self._counting:
                        self.commits_cut += 1
                    break
                sink.sendall(piece)
        _close(source, sink)

    def _lose_one(self, lost: threading.Event) -> None:
        with self._counting:  # connections commit at the same time
            if self._commits_to_cut:
                self._commits_to_cut -= 1
                lost.set()

    def _received(self, source: socket.socket) -> bytes:
        piece = source.recv(PIECE)
        self._passing.wait()  # an end is news, too
        return piece


def _close(*sockets: socket.socket) -> None:
    for each in sockets:
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()

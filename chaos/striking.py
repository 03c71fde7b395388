"""Do to a cluster what was planned, and mend it again."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock

from chaos.accounts import Blow
from chaos.machines import Cluster, Machine
from chaos.plan import LONGEST_BLOW_S, Strike
from tests.postgres import PostgresServer

PAUSE_S = 0.3
"""Between two tries to start a process, as whatever watches over it would wait."""
READ_AFTER_S = 0.1
"""For so long after the end of a process what it had sent may still be read."""
AFTERWARDS_S = 1.0
"""For so long after a blow a machine may still find out what it has lost meanwhile."""


class Striker:
    """Strikes; each blow is mended in a thread of its own, and noted when it is over."""

    def __init__(self, cluster: Cluster, pool: ThreadPoolExecutor) -> None:
        """Strike nothing yet."""
        self.blows: list[Blow] = []
        self.failed_starts = 0
        self.ended_by_themselves: list[str] = []
        self._cluster = cluster
        self._pool = pool
        self._under_way: list[Future[None]] = []
        self._postgres = Lock()

    def strike(self, strike: Strike, before: Callable[[], None]) -> None:
        """Choose what to strike, as soon as something is whole; do what is to be done before; strike.

        Returns while it is being mended.
        """
        if strike.kind == "Postgres" and self._cluster.postgres is not None:
            mend = partial(self._restart_postgres, strike, self._cluster.postgres)
        else:
            mend = partial(self._blow, strike, self._cluster.take(strike.which))
        before()
        self._under_way.append(self._pool.submit(mend))

    def all_mended(self) -> None:
        """Return when everything is whole again; raises what went wrong in between."""
        for mending in self._under_way:
            mending.result()
        self._under_way.clear()
        for machine in self._cluster.machines:
            self._look_after(machine)

    def wrongs(self) -> list[str]:
        """Give in words which processes have ended although nobody told them to."""
        return [f"ended by itself: {each}" for each in self.ended_by_themselves]

    def _blow(self, strike: Strike, machine: Machine) -> None:
        try:
            self._look_after(machine)
            match strike.kind:
                case "kill":
                    self._kill(strike, machine)
                case "stop":
                    self._stop(strike, machine)
                case "pause":
                    self._pause(strike, machine)
                case "cut":
                    self._cut(machine)
                case "silence":
                    self._silence(strike, machine)
        finally:
            self._cluster.give_back(machine)

    def _look_after(self, machine: Machine) -> None:
        """Start a process that has ended although nobody told it to."""
        status = machine.process.process.poll()
        if status is not None:
            now = time.monotonic()
            self.ended_by_themselves.append(f"{machine.name} at {now:.3f} with status {status}")
            self._note_end("an end by itself", machine, now - LONGEST_BLOW_S["silence"])
            self._start(machine)

    def _note(self, kind: str, machine: Machine | None, began_at: float) -> None:
        name = None if machine is None else machine.name
        self.blows.append(Blow(kind, name, began_at, time.monotonic() + AFTERWARDS_S))

    def _note_end(self, kind: str, machine: Machine, began_at: float) -> None:
        ended_at = time.monotonic() + READ_AFTER_S
        self.blows.append(Blow(kind, machine.name, began_at, ended_at, ends_the_process=True))

    def _kill(self, strike: Strike, machine: Machine) -> None:
        kind = "kill of a server" if machine.answers else "kill of a worker"
        began_at = time.monotonic()
        machine.process.kill()
        self._note_end(kind, machine, began_at)
        time.sleep(strike.lasts_s)
        if strike.and_again is not None:
            machine.process.begin()
            time.sleep(strike.and_again)
            began_at = time.monotonic()
            machine.process.kill()
            self._note_end("kill at a start", machine, began_at)
        self._start(machine)

    def _stop(self, strike: Strike, machine: Machine) -> None:
        began_at = time.monotonic()
        machine.process.stop()
        self._note_end("SIGTERM", machine, began_at)
        time.sleep(strike.lasts_s)
        self._start(machine)

    def _start(self, machine: Machine) -> None:
        """Start until it stands: Postgres may be away, or the wire silent."""
        for _ in range(100):
            try:
                machine.process.start()
            except RuntimeError:
                machine.process.ended()
                self.failed_starts += 1
                time.sleep(PAUSE_S)
            else:
                return
        machine.process.start()

    def _pause(self, strike: Strike, machine: Machine) -> None:
        began_at = time.monotonic()
        machine.pause()
        time.sleep(strike.lasts_s)
        machine.go_on()
        self._note("pause", machine, began_at)

    def _cut(self, machine: Machine) -> None:
        assert machine.wire is not None
        began_at = time.monotonic()
        machine.wire.cut()
        self._note("wire cut", machine, began_at)

    def _silence(self, strike: Strike, machine: Machine) -> None:
        assert machine.wire is not None
        began_at = time.monotonic()
        machine.wire.fall_silent()
        time.sleep(strike.lasts_s)
        machine.wire.pass_again()
        self._note("wire silent", machine, began_at)

    def _restart_postgres(self, strike: Strike, postgres: PostgresServer) -> None:
        with self._postgres:
            began_at = time.monotonic()
            postgres.stop()
            time.sleep(strike.lasts_s)
            postgres.start()
            self._note("restart of Postgres", None, began_at)

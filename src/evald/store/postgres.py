"""How a connection to Postgres is made, so that both ends notice when the other is gone."""

import time
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

if TYPE_CHECKING:
    from evald.store.probed import ProbedConnection

CONNECTED_WITHIN: Final = 10.0
"""Seconds for a new connection."""
IDLE_AT_MOST: Final = "5s"
"""How long Postgres waits for the next statement of a transaction of ours.

A process that is stopped in the middle of one keeps its connections, and with them its locks; then
others would wait for it, however long.
"""
PROBED_AFTER, PROBED_EVERY, PROBES = 5, 2, 3
"""Seconds, seconds, and how many: a machine that does not answer TCP is given up after their sum."""
UNSENT_AT_MOST: Final = PROBED_AFTER + PROBED_EVERY * PROBES
"""Seconds for which what was sent may go unacknowledged."""

ASKED_AFTER: Final = 2.0
"""Seconds of disuse after which a connection is asked whether it still is one, before it is used.

To ask each time is three trips to Postgres. One that Postgres has closed is known without.
"""

NAME: Final = "evald"
"""By which sessions of evald are known among others of the same user."""

SERVER_SETTINGS: Final = {
    "application_name": NAME,
    "idle_in_transaction_session_timeout": IDLE_AT_MOST,
    "tcp_keepalives_idle": str(PROBED_AFTER),
    "tcp_keepalives_interval": str(PROBED_EVERY),
    "tcp_keepalives_count": str(PROBES),
    "tcp_user_timeout": f"{UNSENT_AT_MOST}s",
}


def connect_arguments() -> dict[str, Any]:
    """Give the arguments with which the driver makes a connection, beside those of the URL."""
    # Only here: it loads the driver, which SQLite has no use for.
    from evald.store.probed import ProbedConnection

    return {
        "timeout": CONNECTED_WITHIN,
        "server_settings": dict(SERVER_SETTINGS),
        "connection_class": ProbedConnection,
    }


def ask_the_unused(engine: AsyncEngine) -> None:
    """Have a pool that pings connections do so only with those that nobody has used for a while."""
    dialect = engine.sync_engine.dialect
    ping = dialect.do_ping

    def used(connection: Any, _: object) -> None:
        if connection is not None:  # None when it was closed for good
            connection.driver_connection.used = time.monotonic()

    def is_there(connection: Any) -> bool:
        known: ProbedConnection = connection.driver_connection
        if known.is_closed():
            return False
        return time.monotonic() - known.used < ASKED_AFTER or ping(connection)

    event.listen(engine.sync_engine, "checkin", used)
    dialect.do_ping = is_there  # type: ignore[assignment]

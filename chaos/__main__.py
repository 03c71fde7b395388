"""Hurt evald at random and see what becomes of a run: `python -m chaos`, or `make chaos`.

A run over rows that a scripted model server answers goes on while servers and workers are killed,
stopped and paused, their wires to Postgres cut and silent, and Postgres itself restarted; meanwhile
clients create, read and cancel other runs. Then everything is held against what evald promises. The
exit status is 1 if anything is wrong. The same seed makes the same blows; the machine decides what
they meet. `python -m chaos cancel` cancels runs at random moments instead.
"""

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from chaos import cancels
from chaos.long_run import Order, long_run
from chaos.machines import Size
from chaos.tables import told
from tests.model_server.client import ModelServer


def main() -> None:
    """Carry out what the command line says."""
    if sys.argv[1:2] == ["cancel"]:
        del sys.argv[1]
        cancels.main()
    asked = arguments()
    size = Size() if asked.sqlite else Size(asked.servers, asked.workers)
    order = Order(asked.seed, asked.rows, asked.kills, size, asked.drain)
    print(f"seed {order.seed}: {order.kills} kills, {order.rows:,} rows, {size}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="evald-chaos-"))
    began_at = time.monotonic()
    with ModelServer() as models:
        outcome = long_run(
            order,
            models,
            folder,
            lambda words: print(f"{time.monotonic() - began_at:7.1f} s  {words}", flush=True),
        )
    print(told(order, outcome))
    print(f"logs and data are in {folder}")
    sys.exit(1 if outcome.wrongs else 0)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m chaos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of all chance")
    parser.add_argument("--kills", type=int, default=200, help="SIGKILLs (default 200)")
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the run (default 20,000)")
    parser.add_argument("--servers", type=int, default=2, help="`evald serve` (default 2)")
    parser.add_argument("--workers", type=int, default=3, help="`evald worker` (default 3)")
    parser.add_argument(
        "--drain", type=float, default=0, help="seconds that calls have at a SIGTERM (default 0)"
    )
    parser.add_argument("--sqlite", action="store_true", help="one process over SQLite instead")
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The commands `evald serve`, `evald worker` and `evald doctor`."""

import gc
import sys
from pathlib import Path

import click


@click.command()
@click.option("--host", help="Address to listen on; beyond loopback only with a key. [127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one. [8484]")
@click.option("--data-dir", type=Path, help="Folder for the database. [./evald-data]")
@click.option("--config", type=Path, help="TOML file with settings and providers.")
def serve(host: str | None, port: int | None, data_dir: Path | None, config: Path | None) -> None:
    """Serve the API and its pages until Ctrl-C or SIGTERM.

    \b
    Every option can be set in the environment, too: EVALD_HOST, EVALD_PORT,
    EVALD_DATA_DIR, EVALD_CONFIG. Further variables:
      EVALD_UPSTREAM_BASE_URL  endpoint that serves every model no provider names
      EVALD_UPSTREAM_API_KEY   its key, if it wants one
      EVALD_PUBLIC_URL         URL under which browsers reach this server
      EVALD_DATABASE_URL       Postgres, as postgresql://USER:PASSWORD@HOST/NAME
      EVALD_SCHEMA_STRICT      true: answers as the published schema has them
      EVALD_LOG_LEVEL          debug, info, warning or error [info]
      EVALD_LOG_FORMAT         console or json [console]
    docs/configuration.md has all of them, with limits, webhooks and embeddings.

    \b
    A config file can name several providers with model patterns:
      [providers.local]
      base_url = "http://127.0.0.1:8080/v1"
      models = ["qwen*", "smollm*"]
      [providers.openai]
      base_url = "https://api.openai.com/v1"
      api_key_env = "OPENAI_API_KEY"
      models = ["gpt-*", "o*"]

    Until a key is made, everyone on this machine may use the server, and no other
    machine reaches it. See 'evald keys --help'.

    A server that was stopped or killed goes on with its unfinished runs.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    gc.disable()  # until it serves: nothing that is imported becomes garbage
    from evald.errors import CannotStart
    from evald.settings import read_settings

    try:
        settings = read_settings(host=host, port=port, data_dir=data_dir, config=config)
        # Most of a start is this import: what is wrong with the settings is said before it.
        from evald.cli.serve import serve_until_stopped

        serve_until_stopped(settings)
    except CannotStart as error:
        click.echo(f"evald cannot start. {error}", err=True)
        sys.exit(1)


@click.command()
@click.option("--concurrency", type=click.IntRange(1, 1000), help="Chunks under way at once. [32]")
@click.option("--config", type=Path, help="TOML file with settings and providers.")
def worker(concurrency: int | None, config: Path | None) -> None:
    """Carry out the runs of servers on one Postgres, beside them.

    Start as many workers as you like, on any machine that reaches Postgres and the
    model endpoints. They share the runs of all servers, in chunks of some hundred rows,
    and need nothing else: no port, no folder, no name. A worker that dies is noticed
    within seconds, and its chunks go on elsewhere; saved rows are not asked for again.

    Give it the same providers and keys as the servers have: the same config file, or
    the same variables.

    \b
      export EVALD_DATABASE_URL=postgresql://evald:SECRET@db.internal/evald
      evald worker --config /etc/evald.toml

    Stopped, it lets calls in flight end for EVALD_DRAIN_SECONDS [10], and hands the rest
    to the others at once. A second signal cuts the calls off.
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    gc.disable()  # until it works: nothing that is imported becomes garbage
    from evald.errors import CannotStart
    from evald.settings import read_settings

    try:
        settings = read_settings(worker_concurrency=concurrency, config=config)
        from evald.cli.worker import work_until_stopped

        work_until_stopped(settings)
    except CannotStart as error:
        click.echo(f"evald cannot start. {error}", err=True)
        sys.exit(1)


@click.command()
@click.option("--data-dir", type=Path, help="Folder of the database. [./evald-data]")
@click.option("--config", type=Path, help="TOML file with the settings of the server.")
@click.option("--escapes", is_flag=True, help="List every escape that the self-test tries.")
def doctor(data_dir: Path | None, config: Path | None, escapes: bool) -> None:
    """Look at this machine as a server would, and say what is wrong.

    Give it the options and the environment of the server. It reads the settings,
    looks at the place of the database, asks each provider for its models, looks for
    the embedding model and for WordNet, and makes the self-test of python graders:
    what isolates their code, how many escapes were tried, and what to install where
    nothing holds. It changes nothing.

    \b
    Each line begins with one of
      ok      it is there and works
      -       it is not there, and need not be
      wrong   it is set up, and does not work
    The exit status is 1 when something is wrong. A server may run meanwhile.

    \b
      evald doctor --config /etc/evald.toml
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)
    from evald.cli.doctor import examine

    sys.exit(0 if examine(data_dir, config, lists_escapes=escapes) else 1)

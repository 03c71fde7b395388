"""The command `evald`."""

import click

from evald import __version__
from evald.cli.commands.exporting import export
from evald.cli.commands.exporting_others import inspect, promptfoo
from evald.cli.commands.importing import import_
from evald.cli.commands.importing_registry import registry
from evald.cli.commands.keys import keys
from evald.cli.commands.logs import logs
from evald.cli.commands.pull import pull
from evald.cli.commands.runs import runs
from evald.cli.commands.server import doctor, serve, worker


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="evald")
def cli() -> None:
    """evald: a self-hosted server for the OpenAI Evals API.

    \b
    Start it in front of any OpenAI-compatible model endpoint:
      EVALD_UPSTREAM_BASE_URL=http://127.0.0.1:8080/v1 evald serve
    Then point the official SDK at it:
      OpenAI(base_url="http://127.0.0.1:8484/v1", api_key="not needed")
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)


for _command in (serve, worker, doctor, runs, keys, logs, pull, import_, export):
    cli.add_command(_command)
import_.add_command(registry)
for _command in (promptfoo, inspect):
    export.add_command(_command)


def main() -> None:
    """Run the command line."""
    cli()

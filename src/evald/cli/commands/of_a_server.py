"""The options that name a running server, and who asks it."""

from collections.abc import Callable

import click

SERVER = (
    click.option("--url", default="http://127.0.0.1:8484", show_default=True, help="The server."),
    click.option("--project", help="The project that is meant; another one's key is refused."),
    click.option(
        "--api-key", envvar="EVALD_API_KEY", metavar="KEY", help="Better as EVALD_API_KEY."
    ),
)


def of_a_server(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of SERVER."""
    for option in reversed(SERVER):
        command = option(command)
    return command

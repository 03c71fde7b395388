"""The commands `evald export …`."""

import click


@click.group()
def export() -> None:
    """Take evals and what they found out of a running server."""

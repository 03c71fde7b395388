"""The commands `evald import …`; `evald import PATH` reads an archive."""

import sys
from pathlib import Path
from typing import Any

import click

from evald.cli.commands.of_a_server import of_a_server


class ImportGroup(click.Group):
    """A group whose first argument is the path of an archive, unless it is the name of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Leave everything to the archive where no command is named."""
        is_named = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if is_named else ["--", *args])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Give the command of this name, or that of archives."""
        if args[0] in self.commands:
            return super().resolve_command(ctx, args)
        return None, archive, args

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Say what follows the name of the group."""
        return ["[OPTIONS] PATH"]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the options of an archive, and then the commands."""
        archive.format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group("import", cls=ImportGroup)
def import_() -> None:
    """Send an archive to a running server: evals, runs, items, files.

    PATH is the folder of 'evald pull openai', or what another script has saved:
    an eval with its runs in a file, pages of output items, lists, JSON Lines; as a
    folder, a file, a zip or a tar. What is in a file is told by its content.

    \b
      evald import openai-archive --dry-run
      evald import openai-archive --map gpt-4o=qwen3 --map o3=qwen3

    Ids and times stay what they were. Imported runs are history: they can be read,
    with their reports, and nothing in them changes. Imported evals run again at
    once. Where their judges ask for a model that is no longer to be had, --map puts
    another in its place; a name for it in the [aliases] of the server does so for
    runs, too.

    Runs and evals of which the archive holds only output items are put together
    from them, and marked. The real ones replace them when they come.

    Import again what you like: what is there already stays as it is. Stop it with
    Ctrl-C, or kill it: the same command goes on. The key comes from EVALD_API_KEY,
    and all goes to its project.

    \b
    Exit status:
      0    all of it is on the server
      1    something was not taken, which is named, or the server failed
      130  stopped
    """  # noqa: D301  (click keeps the lines of a paragraph after a backspace)


class ArchiveContext(click.Context):
    """What is asked of an archive, whose command has no name of its own."""

    @property
    def command_path(self) -> str:
        """Give the command as it is typed."""
        return super().command_path.rstrip()


class ArchiveCommand(click.Command):
    """The command of archives, as usage and errors tell it."""

    context_class = ArchiveContext


@click.command("PATH", cls=ArchiveCommand)
@click.argument("path", type=click.Path(path_type=Path))
@of_a_server
@click.option("--dry-run", is_flag=True, help="Keep nothing; only say what would become of it.")
@click.option(
    "--map",
    "models",
    multiple=True,
    metavar="FROM=TO",
    help="Judge with TO where evals ask for FROM; can be repeated.",
)
@click.option(
    "--max-members",
    type=click.IntRange(1),
    default=1_000_000,
    show_default=True,
    help="Files and folders that PATH may hold.",
)
@click.option(
    "--max-gb",
    type=click.FloatRange(0, min_open=True),
    default=64,
    show_default=True,
    help="What a zip or tar may unpack to.",
)
@click.option(
    "--max-ratio",
    type=click.FloatRange(1),
    default=200,
    show_default=True,
    help="How many times its size that may be.",
)
def archive(**options: Any) -> None:
    """Send an archive to a running server ('evald import --help')."""
    from evald.cli.importing import CannotImport, Options, import_archive

    try:
        sys.exit(import_archive(Options(**options)))
    except CannotImport as error:
        click.echo(f"Nothing was imported. {error}", err=True)
        sys.exit(1)

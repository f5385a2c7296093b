"""What all commands are made of: the application that they belong to, and the helpers that declare their options."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from kafka_audit import __version__

Action = Callable[[], int]
"""Does what a command stands for; returns the exit code."""

EXAMPLES = """\b
Examples:
  kafka-audit scan                            audit the current folder
  kafka-audit scan app/ --format concise      one line for each alarm in app/
  kafka-audit scan . --format json -o a.json  for programs
  kafka-audit scan . --role consumer          consumers too
  kafka-audit impact tests/test_pay.py        which producers tests start
  kafka-audit explain KA201                   what an alarm means"""

usage_error: type[Exception] = typer.BadParameter.__mro__[2]
"""What Typer raises for a wrong command line; newer versions have their own copy of the class, under no public name."""

app = typer.Typer(
    name="kafka-audit",
    help="Find every Kafka client that Python code creates, and prove whether it is released.",
    epilog=EXAMPLES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> Action | None:
    """Print the version, or the help when there is nothing to do."""
    if version:
        return printing(f"kafka-audit {__version__}\n")
    if context.invoked_subcommand is None:
        return printing(context.get_help() + "\n", 2)
    return None


def choice(name: str, words: Sequence[str], help: str, *names: str) -> Any:
    """An option that takes one of some words. `chosen` checks them, so that every mistake is answered the same way."""
    return typer.Option(name, *names, metavar="|".join(words), help=help)


def listed(values: Sequence[str] | None) -> tuple[str, ...]:
    """The words of an option that can be repeated and takes several words with commas between them."""
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())


def printing(text: str, code: int = 0) -> Action:
    """Print a text; the exit code is given."""

    def act() -> int:
        sys.stdout.write(text)
        return code

    return act

"""The commands and their options. Typer only reads them: each command returns what is to be done, and `main` does it.

So there is one place that knows how a run ends, whatever ends it. Everything heavy is imported by what is done, because
`--help` and `--version` should answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal

import typer

from kafka_audit import __version__
from kafka_audit.settings import COLORS, FORMATS, ROLES, SEVERITIES, ConfigError, Settings, chosen

Action = Callable[[], int]
"""Does what a command stands for; returns the exit code."""

EXIT_CODES = """\b
Exit codes:
  0  no alarm at or above the threshold (--fail-on)
  1  alarms at or above the threshold (never with --explain-site)
  2  the command or its settings are wrong
  3  no such alarm, but the audit is incomplete: a problem hides part of the answer"""

EXAMPLES = """\b
Examples:
  kafka-audit scan                            audit the current folder
  kafka-audit scan app/ --format concise      one line for each alarm in app/
  kafka-audit scan . --format json -o a.json  for programs
  kafka-audit scan . --role consumer          consumers too
  kafka-audit explain KA201                   what an alarm means, with an example"""

_UsageError: type[Exception] = typer.BadParameter.__mro__[2]
"""What Typer raises for a wrong command line; newer versions have their own copy of the class, under no public name."""

_RULE_FORMATS: tuple[Literal["text", "json", "markdown"], ...] = ("text", "json", "markdown")
_CLIENT_FORMATS: tuple[Literal["text", "json"], ...] = ("text", "json")

app = typer.Typer(
    name="kafka-audit",
    help="Find every Kafka client that Python code creates, and prove whether it is released.",
    epilog=EXAMPLES,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; every way a run can end is settled here."""
    try:
        outcome = app(sys.argv[1:] if arguments is None else arguments, prog_name="kafka-audit", standalone_mode=False)
        code = outcome() if callable(outcome) else int(outcome or 0)
        sys.stdout.flush()
    except _UsageError as error:
        code = _refuse(_usage(error))
    except ConfigError as error:
        code = _refuse(str(error))
    except KeyboardInterrupt:
        code = _refuse("interrupted", 130)
    except BrokenPipeError:
        code = _abandon_stdout()
    except Exception as error:
        code = _crash(error)
    sys.exit(code)


def _choice(name: str, words: Sequence[str], help: str, *names: str) -> Any:
    """An option that takes one of some words. `chosen` checks them, so that every mistake is answered the same way."""
    return typer.Option(name, *names, metavar="|".join(words), help=help)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version and exit.")] = False,
) -> Action | None:
    """Print the version, or the help when there is nothing to do."""
    if version:
        return _print(f"kafka-audit {__version__}\n")
    if context.invoked_subcommand is None:
        return _print(context.get_help() + "\n", 2)
    return None


@app.command(epilog=EXIT_CODES, short_help="Audit Python code.")
def scan(
    paths: Annotated[
        list[str] | None, typer.Argument(metavar="PATH", help="Files and folders; the current folder by default.")
    ] = None,
    format: Annotated[str, _choice("--format", FORMATS, "How to tell the report.", "-f")] = "text",
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="Write the report there.")
    ] = None,
    role: Annotated[
        list[str] | None, _choice("--role", ROLES, "Audit these clients besides producers; can be repeated.")
    ] = None,
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="RULE", help="Only these rules: codes, beginnings of codes, names, categories or `all`."),
    ] = None,
    ignore: Annotated[list[str] | None, typer.Option(metavar="RULE", help="Not these rules.")] = None,
    fail_on: Annotated[
        str, _choice("--fail-on", SEVERITIES, "The lowest severity that makes the exit code 1.")
    ] = "warning",
    exit_zero: Annotated[bool, typer.Option("--exit-zero", help="Exit with 0 whatever the report says.")] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", help="Processes to parse with; 0 is one per processor.")] = 0,
    color: Annotated[str, _choice("--color", COLORS, "Colour the text; auto minds NO_COLOR and FORCE_COLOR.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    explain_site: Annotated[
        str | None,
        typer.Option("--explain-site", metavar="PATH:LINE", help="Tell everything known about the client made there."),
    ] = None,
) -> Action:
    """Audit Python code: which clients it creates, what becomes of them, and what is wrong with that.

    The whole project around PATH is read, because a client may be released anywhere in it; the report is on PATH.
    """
    settings = Settings(
        paths=tuple(paths or (".",)),
        format=chosen("--format", format, FORMATS),
        output=output,
        roles=tuple(sorted({"producer", *(chosen("--role", word, ROLES) for word in _words(role))})),
        select=_words(select),
        ignore=_words(ignore),
        fail_on=chosen("--fail-on", fail_on, SEVERITIES),
        exit_zero=exit_zero,
        jobs=jobs,
        color=chosen("--color", color, COLORS),
        quiet=quiet,
    )
    if explain_site is None:
        return lambda: _scan(settings)
    return lambda: _explain_site(settings, explain_site)


@app.command(short_help="Explain a rule, with an example.")
def explain(rule: Annotated[str, typer.Argument(metavar="RULE", help="A code, such as KA201, or a name.")]) -> Action:
    """Explain a rule: what it means, why it matters, what a repair looks like."""
    return lambda: _explain(rule)


@app.command()
def rules(format: Annotated[str, _choice("--format", _RULE_FORMATS, "How to list them.", "-f")] = "text") -> Action:
    """List the rules."""
    return lambda: _rules(format)


@app.command()
def clients(format: Annotated[str, _choice("--format", _CLIENT_FORMATS, "How to list them.", "-f")] = "text") -> Action:
    """List what is known of each Kafka client and each framework hook."""
    return lambda: _clients(format)


# --- what the commands do --------------------------------------------------------------------------------------------


def _scan(settings: Settings) -> int:
    from kafka_audit.pipeline import audit, check_output, deliver, exit_code

    check_output(settings.output)
    with _Progress(settings.quiet) as progress:
        report = audit(settings, progress)
    code = exit_code(report, settings)
    try:
        deliver(report, settings)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; the answer stands
        _abandon_stdout()
    return code


def _explain_site(settings: Settings, site: str) -> int:
    from kafka_audit.pipeline import check_output, deliver_text, explain

    if settings.format != "text":
        raise ConfigError(f"--explain-site is told as text; leave out --format {settings.format}")
    check_output(settings.output)
    with _Progress(settings.quiet) as progress:
        text = explain(settings, site, progress)
    try:
        deliver_text(text, settings)
        sys.stdout.flush()
    except BrokenPipeError:
        _abandon_stdout()
    return 0


def _explain(rule: str) -> int:
    from kafka_audit.report.rules import explain
    from kafka_audit.rules import select

    return _print("\n".join(explain(each) for each in select((rule,), ())))()


def _rules(format: str) -> int:
    from kafka_audit.report.rules import listing
    from kafka_audit.rules import rules

    return _print(listing(rules(), chosen("--format", format, _RULE_FORMATS)))()


def _clients(format: str) -> int:
    from kafka_audit.report.catalog import listing

    return _print(listing(chosen("--format", format, _CLIENT_FORMATS)))()


def _print(text: str, code: int = 0) -> Action:
    """Print a text; the exit code is given."""

    def act() -> int:
        sys.stdout.write(text)
        return code

    return act


def _words(values: Sequence[str] | None) -> tuple[str, ...]:
    """The words of an option that can be repeated and takes several words with commas between them."""
    return tuple(word.strip() for value in values or () for word in value.split(",") if word.strip())


# --- manners ---------------------------------------------------------------------------------------------------------


class _Progress:
    """Shows how far the audit is, on a terminal, once it takes longer than a second; leaves no trace."""

    def __init__(self, quiet: bool) -> None:
        import time

        self._now = time.monotonic
        self._due = self._now() + 1.0
        self._enabled = not quiet and sys.stderr.isatty()
        self._width = 0

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._width:
            self._show("")
            sys.stderr.write("\r")

    def __call__(self, doing: str, done: int, of: int) -> None:
        now = self._now()
        if self._enabled and now >= self._due:
            self._due = now + 0.1
            self._show(f"{doing}: {done} of {of} files")

    def _show(self, line: str) -> None:
        sys.stderr.write("\r" + line.ljust(self._width))
        sys.stderr.flush()
        self._width = len(line)


def _usage(error: Any) -> str:
    """What is wrong with the command line, and where its right form is described."""
    command = error.ctx.command_path if error.ctx else "kafka-audit"
    return f"{error.format_message().rstrip('.')}; see `{command} --help`"


def _refuse(message: str, code: int = 2) -> int:
    """Say in one line why nothing came of it."""
    from kafka_audit.report.plain import inert

    sys.stderr.write(f"kafka-audit: {inert(' '.join(message.split(chr(10))))}\n")
    return code


def _abandon_stdout() -> int:
    """Send what is left of the output nowhere: the reader closed the pipe, which is no mistake."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _crash(error: Exception) -> int:
    """Say that this is a mistake of the program, with everything that is needed to find it."""
    import traceback

    traceback.print_exception(error)
    return _refuse("this is a mistake in kafka-audit, not in your code; please report it with the lines above", 3)

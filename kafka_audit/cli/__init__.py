"""The command line. Typer only reads it: each command returns what is to be done, and `main` does it.

So there is one place that knows how a run ends, whatever ends it. A command is one module; everything heavy is imported
by what is done, because `--help` and `--version` should answer at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from kafka_audit.cli import (  # noqa: F401  # each adds its command
    cache,
    clients,
    explain,
    fix,
    graph,
    impact,
    merge,
    rules,
    scan,
    server,
)
from kafka_audit.cli.app import app, usage_error
from kafka_audit.cli.manners import abandon_stdout, crash, refuse, usage
from kafka_audit.settings import ConfigError


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit with its code; every way a run can end is settled here."""
    if arguments is None:
        _leave_garbage()
    try:
        outcome = app(sys.argv[1:] if arguments is None else arguments, prog_name="kafka-audit", standalone_mode=False)
        code = outcome() if callable(outcome) else int(outcome or 0)
        sys.stdout.flush()
    except usage_error as error:
        code = refuse(usage(error))
    except ConfigError as error:
        code = refuse(str(error))
    except KeyboardInterrupt:
        code = refuse("interrupted", 130)
        if arguments is None:
            _end_at_once(code)
    except BrokenPipeError:
        code = abandon_stdout()
    except Exception as error:
        code = crash(error)
    sys.exit(code)


def _end_at_once(code: int) -> NoReturn:
    """End without the interpreter's farewells: threads that wait for dead workers are in its way, and complain."""
    sys.stderr.flush()
    os._exit(code)


def _leave_garbage() -> None:
    """This process is one run: what it made ends with it, and to look through all of that takes a fifth of the time.

    What audits again and again asks for `collecting`.
    """
    gc.disable()
    atexit.register(gc.freeze)  # the interpreter searches once more before it ends

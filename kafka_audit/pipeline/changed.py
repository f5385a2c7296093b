"""Which files have changed since a revision: those that git says differ from it, and those that it does not know yet.

This is the one place where git is run, and only when `--changed-since` asks for it: a repository's own configuration
can name programs that git starts, so what can be turned off of that is.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from kafka_audit.discover import Discovery, as_text
from kafka_audit.settings import ConfigError

_SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "diff.external=")


def narrowed(found: Discovery, revision: str) -> Discovery:
    """The discovery with only those files asked for that have changed. Raises `ConfigError` when git cannot say."""
    changed = _changed(revision)
    locations = {file.name: os.path.realpath(file.location) for file in found.files}
    asked = frozenset(name for name in found.asked if locations[name] in changed)
    return Discovery(
        files=found.files,
        asked=asked,
        problems=found.problems,
        dangling=(),
        skipped=found.skipped,
        scripts=found.scripts,
        base=found.base,
    )


def _changed(revision: str) -> set[str]:
    """The real paths of the files of the current repository that have changed since it parted from the revision."""
    if revision.startswith("-"):
        raise ConfigError(f"--changed-since is {as_text(revision)}; name a revision, such as main or HEAD~1")
    top = os.fsdecode(_git(("rev-parse", "--show-toplevel"))).rstrip("\n")
    options = ("--name-only", "-z", "--no-ext-diff", "--no-textconv", "--no-renames", "--diff-filter=d")
    tracked = _git(("diff", *options, "--merge-base", revision, "--"), top)
    new = _git(("ls-files", "--others", "--exclude-standard", "-z"), top)
    names = [os.fsdecode(name) for name in (tracked + new).split(b"\0") if name]
    return {os.path.realpath(os.path.join(top, name)) for name in names}


def _git(arguments: Sequence[str], folder: str | None = None) -> bytes:
    try:
        done = subprocess.run(
            ("git", *_SAFE, *arguments), capture_output=True, check=True, cwd=folder, stdin=subprocess.DEVNULL
        )
    except FileNotFoundError as error:
        raise ConfigError("--changed-since asks git, which is not installed") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode("utf-8", "replace").strip().split("\n")[0]
        raise ConfigError(f"--changed-since: git says {reason!r}; is the revision fetched?") from error
    return done.stdout

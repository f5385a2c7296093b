"""What was asked for: one frozen record that configuration and command line fill and every later phase reads.

Each field carries the `Option` that describes it; see `settings.options` for what is made of that.
"""

from __future__ import annotations

import os
from typing import Annotated, Literal, get_args

import msgspec

from kafka_audit.model import Confidence, Role, Severity
from kafka_audit.settings.options import ConfigError, Option, Setting, chosen, table
from kafka_audit.settings.own import OwnClient, OwnHook

__all__ = [
    "AUDIENCES",
    "COLORS",
    "CONFIDENCES",
    "FORMATS",
    "FORMAT_CHOICES",
    "ROLES",
    "SEVERITIES",
    "Audience",
    "ConfigError",
    "Format",
    "Option",
    "OwnClient",
    "OwnHook",
    "Setting",
    "Settings",
    "chosen",
    "table",
]

Format = Literal["text", "full", "concise", "json", "jsonl", "sarif", "junit", "github", "gitlab", "rdjson", "markdown"]
"""How a report can be told; `kafka_audit.report.FORMATS` says what each is for."""

FormatChoice = Literal["auto", Format]
Color = Literal["auto", "always", "never"]
Audience = Literal["regular", "pedantic"]

FORMATS: tuple[Format, ...] = get_args(Format)
FORMAT_CHOICES: tuple[FormatChoice, ...] = get_args(FormatChoice)
COLORS: tuple[Color, ...] = get_args(Color)
ROLES: tuple[Role, ...] = get_args(Role)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)
CONFIDENCES: tuple[Confidence, ...] = get_args(Confidence)
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One run of the audit.

    `paths` are files and folders as typed; `folder` is that of the configuration file, which patterns are relative to,
    empty for the current one. Rules are named by code, beginning of a code (`KA2`), name, category or `all`; an empty
    `select` means the rules of the audience.
    """

    paths: tuple[str, ...] = (".",)
    folder: str = ""
    roles: Annotated[
        tuple[Role, ...], Option(help="Audit these clients besides producers.", group="Scope", flag="--role")
    ] = ("producer",)
    exclude: Annotated[
        tuple[str, ...],
        Option(
            help="Do not read what these patterns match; written as in .gitignore.", group="Scope", metavar="PATTERN"
        ),
    ] = ()
    extend_exclude: Annotated[
        tuple[str, ...], Option(help="Nor what these match.", group="Scope", metavar="PATTERN")
    ] = ()
    force_exclude: Annotated[
        bool, Option(help="Leave excluded files out even when they are named by hand, as hooks do.", group="Scope")
    ] = False
    changed_since: Annotated[
        str | None,
        Option(
            help="Report only on files that have changed since the branch left this revision; asks git.",
            group="Scope",
            metavar="REVISION",
            in_file=False,
        ),
    ] = None
    stdin_filename: Annotated[
        str,
        Option(
            help="The name of the file whose content the path `-` reads from the standard input.",
            group="Scope",
            metavar="NAME",
            in_file=False,
        ),
    ] = "stdin.py"
    audience: Annotated[
        Audience,
        Option(help="`regular`: the rules that are on by default; `pedantic`: all of them.", group="Rules"),
    ] = "regular"
    select: Annotated[
        tuple[str, ...],
        Option(
            help="Only these rules: codes, beginnings of codes, names, categories or `all`.",
            group="Rules",
            metavar="RULE",
        ),
    ] = ()
    extend_select: Annotated[tuple[str, ...], Option(help="These rules, too.", group="Rules", metavar="RULE")] = ()
    ignore: Annotated[tuple[str, ...], Option(help="Not these rules.", group="Rules", metavar="RULE")] = ()
    extend_ignore: Annotated[tuple[str, ...], Option(help="Nor these.", group="Rules", metavar="RULE")] = ()
    per_file_ignores: Annotated[
        dict[str, tuple[str, ...]],
        Option(
            help="Not these rules in the files that a pattern matches; written as in .gitignore.",
            group="Rules",
            metavar="PATTERN=RULE",
        ),
    ] = {}
    severity: Annotated[
        dict[str, Severity],
        Option(help="Tell the alarms of a rule with this severity.", group="Rules", metavar="RULE=SEVERITY"),
    ] = {}
    min_severity: Annotated[Severity, Option(help="Suppress alarms that are less severe.", group="Rules")] = "info"
    min_confidence: Annotated[Confidence, Option(help="Suppress alarms that are less sure.", group="Rules")] = "low"
    ignores: Annotated[
        bool, Option(help="Mind the comments in the source that suppress alarms.", group="Suppression")
    ] = True
    add_ignore: Annotated[
        str | None,
        Option(
            help="Write a comment with this reason on every statement that alarms.",
            group="Suppression",
            metavar="REASON",
            in_file=False,
        ),
    ] = None
    baseline: Annotated[
        str | None,
        Option(help="Suppress the alarms that this file lists.", group="Suppression", metavar="FILE"),
    ] = None
    update_baseline: Annotated[
        bool,
        Option(help="Write the baseline: add what is new, drop what is gone.", group="Suppression", in_file=False),
    ] = False
    prune_baseline: Annotated[
        bool, Option(help="Drop from the baseline what is gone.", group="Suppression", in_file=False)
    ] = False
    fail_on_stale: Annotated[bool, Option(help="Make a baseline entry that is gone an error.", group="Suppression")] = (
        False
    )
    clients: Annotated[
        tuple[OwnClient, ...],
        Option(help="Classes of your own whose objects must be released.", group="Catalogue", on_line=False),
    ] = ()
    hooks: Annotated[
        tuple[OwnHook, ...],
        Option(help="Ways to have code called by a framework of your own.", group="Catalogue", on_line=False),
    ] = ()
    format: Annotated[
        FormatChoice,
        Option(
            help="How to tell the report; `auto` is `github` in GitHub Actions and `text` elsewhere.",
            group="Output",
            short="-f",
            metavar="FORMAT",
        ),
    ] = "auto"
    output: Annotated[
        tuple[str, ...],
        Option(
            help="Write the report there; with a format before it, besides everything else. Can be repeated.",
            group="Output",
            short="-o",
            metavar="[FORMAT:]FILE",
            in_file=False,
            splits=False,
        ),
    ] = ()
    color: Annotated[Color, Option(help="Colour the text; `auto` minds NO_COLOR and FORCE_COLOR.", group="Output")] = (
        "auto"
    )
    quiet: Annotated[bool, Option(help="Show no progress.", group="Output", short="-q")] = False
    verbose: Annotated[
        bool, Option(help="Say on the error stream where settings come from and what was left out.", group="Output")
    ] = False
    statistics: Annotated[bool, Option(help="Count the alarms of each rule on the error stream.", group="Output")] = (
        False
    )
    profile: Annotated[
        bool,
        Option(help="Say on the error stream how long each part of the run took.", group="Output", in_file=False),
    ] = False
    fail_on: Annotated[Severity, Option(help="The lowest severity that makes the exit code 1.", group="Gate")] = (
        "warning"
    )
    exit_zero: Annotated[bool, Option(help="Exit with 0 whatever the report says.", group="Gate", in_file=False)] = (
        False
    )
    jobs: Annotated[
        int,
        Option(
            help="Processes to parse with; 0 is one per processor, 8 at most.",
            group="Run",
            short="-j",
            metavar="NUMBER",
        ),
    ] = 0

    cache: Annotated[
        bool, Option(help="Keep what is found out for the next run; the command line does by default.", group="Run")
    ] = False
    cache_dir: Annotated[
        str | None,
        Option(help="Keep it there; see `kafka-audit cache info`.", group="Run", metavar="DIR", in_file=False),
    ] = None

    def __post_init__(self) -> None:
        """Raise `ConfigError` for values that no run can have."""
        if not self.paths:
            raise ConfigError("no path was given; name a file or a folder, or `.` for the current folder")
        if self.jobs < 0:
            raise ConfigError(f"--jobs is {self.jobs}; use a positive number, or 0 for one process per processor")
        if self.baseline is None and (self.update_baseline or self.prune_baseline):
            raise ConfigError("there is no baseline to write; name its file with --baseline FILE")

    @property
    def selectors(self) -> tuple[str, ...]:
        """Every selector of rules that any setting gives; it may select nothing."""
        by_file = (each for rules in self.per_file_ignores.values() for each in rules)
        return (*self.select, *self.extend_select, *self.ignored_rules, *self.severity, *by_file)

    @property
    def chosen_rules(self) -> tuple[str, ...]:
        """Selectors of the rules to apply, before any is ignored."""
        audience = ("all",) if self.audience == "pedantic" else ("default",)
        return (*(self.select or audience), *self.extend_select)

    @property
    def ignored_rules(self) -> tuple[str, ...]:
        """Selectors of the rules not to apply."""
        return (*self.ignore, *self.extend_ignore)

    def located(self, path: str) -> str:
        """The absolute place of a path that a setting names: paths of a file are relative to its folder."""
        return os.path.join(self.folder or os.getcwd(), path)

"""Linking: from the facts of single files to one program whose clients have lives."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from kafka_audit.catalog.known import KNOWN, Catalogue
from kafka_audit.discover.pytest_ini import PytestIni
from kafka_audit.discover.versions import Declarations
from kafka_audit.facts.modules import ModulePaths
from kafka_audit.facts.schema import FileFacts
from kafka_audit.link.flow.solving import Load, flow
from kafka_audit.link.program import Program
from kafka_audit.model import Role


def link(
    sources: Mapping[str, FileFacts],
    paths: ModulePaths,
    roles: Collection[Role],
    load: Load,
    scripts: Collection[str] = (),
    catalogue: Catalogue = KNOWN,
    declarations: Declarations | None = None,
    pytest: Mapping[tuple[str, ...], PytestIni] | None = None,
) -> Program:
    """Link the facts of the files in `sources`; `paths` are all Python files of the project, read or not.

    `load` is asked for the facts of further files when an object of interest is handed into one of them. `scripts`
    are the `module:function` of the commands that the project declares, `catalogue` is what is known of the world,
    `declarations` are the versions of libraries, `pytest` is its configuration by folder.
    """
    return Program(flow(sources, paths, load, catalogue), roles, scripts, declarations, pytest)

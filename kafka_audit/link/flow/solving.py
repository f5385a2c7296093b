"""The value flow of a whole program: run the fixpoint, and read further files when it turns out that they matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from kafka_audit.catalog.known import Catalogue
from kafka_audit.facts.modules import ModulePaths
from kafka_audit.facts.schema import FileFacts
from kafka_audit.link.flow import calls, expressions
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.events import sort_events
from kafka_audit.link.flow.fixpoint import Turn
from kafka_audit.link.flow.scopes import build_module
from kafka_audit.link.flow.statements import run, turns

Load = Callable[[list[str]], Mapping[str, FileFacts]]
"""Reads and extracts further files of the project, by path; those that cannot be read are left out."""


def flow(sources: Mapping[str, FileFacts], paths: ModulePaths, load: Load, catalogue: Catalogue) -> Engine:
    """Let values flow through these files, and those that values turn out to flow into, until nothing changes."""
    engine = Engine({}, paths, catalogue)
    engine.evaluate = partial(expressions.evaluate, engine)
    engine.apply = partial(calls.apply, engine)
    engine.apply_bound = partial(calls.apply_bound, engine)
    while sources:
        engine.add({path: build_module(path, sources[path]) for path in sorted(sources)}, turns)
        engine.solve(partial(_run, engine))
        missing = sorted(engine.wanted - engine.modules.keys() - engine.asked)
        engine.asked.update(missing)
        sources = load(missing) if missing else {}
    engine.drop_known_loose()
    sort_events(engine)
    return engine


def _run(engine: Engine, turn: Turn) -> None:
    """Evaluate a statement. One that the flow cannot take must not cost the answer about all the others."""
    try:
        run(engine, turn)
    except Exception as error:  # whatever it is, the report tells it
        engine.faults.setdefault(engine.unit, f"{type(error).__name__}: {error}")

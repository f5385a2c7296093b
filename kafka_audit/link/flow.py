"""The value flow of a whole program: run the fixpoint."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from kafka_audit.link import calls, expressions
from kafka_audit.link.engine import Engine
from kafka_audit.link.modules import ModulePaths
from kafka_audit.link.scopes import Module
from kafka_audit.link.statements import run_unit


def flow(modules: Mapping[str, Module], paths: ModulePaths) -> Engine:
    """Let values flow through these modules until nothing changes."""
    engine = Engine(modules, paths)
    engine.evaluate = partial(expressions.evaluate, engine)
    engine.apply = partial(calls.apply, engine)
    engine.apply_bound = partial(calls.apply_bound, engine)
    engine.solve(run_unit)
    return engine

"""What does the linked program say of its producers, as nodes and edges?"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import PurePosixPath

from kafka_audit.facts.schema import FileFacts
from kafka_audit.graph.sketch import Sketch, Thing
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.related import imported_paths
from kafka_audit.link.flow.scopes import ClassScope, Module, Unit, build_module
from kafka_audit.link.lives.life import Life, owner_name
from kafka_audit.link.ownership.owning import Owner
from kafka_audit.link.program import Program
from kafka_audit.link.reach.entries import Entry
from kafka_audit.link.reading.context import context_of
from kafka_audit.model import Verdict

_VERDICTS: dict[Verdict, str] = {
    "always": "always released",
    "sometimes": "released on some ways only",
    "never": "never released",
    "delegated": "whoever gets it must release it",
    "unknown": "not known whether it is released",
}


def draw(program: Program, asked: Collection[str], importers: Mapping[str, FileFacts]) -> Sketch:
    """The producers that are created in the files of these names, and everything that has to do with them.

    `importers` are the facts of files that the program left out because they only import.
    """
    sketch = Sketch()
    lives = [life for life in program.audited if life.path in asked]
    for life in lives:
        _life(sketch, program, life)
    modules = program.engine.modules | {name: build_module(name, facts) for name, facts in importers.items()}
    _imports(sketch, program.engine, modules, lives)
    return sketch


def _life(sketch: Sketch, program: Program, life: Life) -> None:
    site = life.site
    line = site.node.at[0]
    detail = f"{site.client.name}, {_VERDICTS[program.verdict(life)]}"
    client = sketch.add(Thing("producer", life.path, line, _name(life)), detail)
    maker = _unit(site.unit)
    sketch.join(maker, "creates", client, life.path, line)
    if not site.client.start:
        sketch.join(maker, "starts", client, life.path, line)
    for verb, events in (("starts", life.starts), ("releases", life.releases)):
        for event in events:
            actor = _unit(event.unit)
            sketch.join(actor, verb, client, event.unit.module.path, event.line)  # type: ignore[arg-type]  # two verbs
            _hooks(sketch, actor, program.lives.reach.entries(event.unit, tests=life.in_test))
    keeper = _keeper(life)
    if keeper is not None:
        sketch.join(keeper, "owns", client, life.path, line)
    for owner in program.owning.roots(life):
        _owner(sketch, program, owner)


def _name(life: Life) -> str:
    """The place that holds the client, with the class for an attribute, or the client's class where there is none."""
    place, scope = life.holding.place, life.holding.scope
    if place is None:
        return life.site.client.name.rpartition(".")[2]
    return f"{scope.name}{place.removeprefix('self')}" if scope is not None and place.startswith("self.") else place


def _hooks(sketch: Sketch, function: Thing, entries: Iterable[Entry]) -> None:
    for entry in entries:
        if entry.kind in {"hook", "exit"}:
            given = entry.registration
            line = given.line if given is not None else entry.unit.line
            name = f"{entry.target} {given.select}" if given is not None and given.select else entry.target
            sketch.join(Thing("hook", entry.path, line, name), "calls", function, entry.path, line)


def _keeper(life: Life) -> Thing | None:
    """What holds the client: a class, a file with its variables, or the function whose variable it is."""
    holding = life.holding
    if holding.scope is not None:
        return _class(holding.scope)
    if holding.at is not None and isinstance(holding.at.owner, ClassScope):
        return _class(holding.at.owner)
    if holding.kind == "global":
        return _file(holding.at.owner.module.path if holding.at and isinstance(holding.at.owner, Unit) else life.path)
    return _unit(life.site.unit) if holding.kind in {"local", "managed"} else None


def _owner(sketch: Sketch, program: Program, owner: Owner) -> None:
    """An object that keeps the client, or keeps one that does: who creates it, and what keeps it in turn."""
    thing = _class(owner.value.scope)
    line = owner.at[0]
    sketch.join(_unit(owner.origin.unit), "creates", thing, owner.path, line)
    for scope in program.lives.holdings.fields(owner.value):
        sketch.join(_class(scope), "owns", thing, owner.path, line)
    if owner.holding.kind == "global":
        sketch.join(_file(owner.path), "owns", thing, owner.path, line)


def _imports(sketch: Sketch, engine: Engine, modules: Mapping[str, Module], lives: Iterable[Life]) -> None:
    """The files that import one with a producer, themselves or from a package that does; those of tests only if a
    test creates it."""
    tests = {life.path for life in lives if life.in_test}
    importing: dict[str, list[tuple[str, int]]] = {}
    for path in sorted(modules):
        for target, line in _imported(modules[path], engine):
            importing.setdefault(target, []).append((path, line))
    seen = {life.path for life in lives}
    waiting = sorted(seen)
    while waiting:
        target = waiting.pop()
        for path, line in importing.get(target, ()):
            if context_of(path) == "test" and target not in tests:
                continue
            sketch.join(_file(path), "imports", _file(target), path, line)
            if path not in seen and modules[path].is_package:
                seen.add(path)
                waiting.append(path)


def _imported(module: Module, engine: Engine) -> Iterator[tuple[str, int]]:
    for unit in module.units:
        for node in unit.imports:
            if node not in module.hidden:
                for target in imported_paths(node, module.path, engine.paths):
                    yield target, node.line


def _unit(unit: Unit) -> Thing:
    name = owner_name(unit)
    if unit.kind == "module" or name == "<module>":
        return _file(unit.module.path)
    return _class(unit.scope) if unit.kind == "class" and unit.scope is not None else _function(unit, name)


def _function(unit: Unit, name: str) -> Thing:
    while unit.function is None and unit.parent is not None and unit.parent.kind == "function":
        unit = unit.parent  # a lambda belongs to what encloses it
    return Thing("function", unit.module.path, unit.line, name)


def _class(scope: ClassScope) -> Thing:
    return Thing("owner", scope.module.path, scope.node.line, scope.qualname)


def _file(path: str) -> Thing:
    return Thing("file", path, 1, PurePosixPath(path).name)

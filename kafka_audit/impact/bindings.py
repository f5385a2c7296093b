"""Which names does a call look up, and when does it look at each?

`producer = AIOKafkaProducer()` under `from aiokafka import AIOKafkaProducer` reads the module's own name when it runs;
the library's name was read once, when the import ran. A mock takes effect if it replaces a name that is read while it
holds. Run on Python 3.11 with `unittest.mock`: attribute users and imports inside functions read the library's name at
each call; names bound by an import, an assignment, a default argument or a class header were read long before.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from kafka_audit.facts import schema as s
from kafka_audit.impact.constants import bound_to
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import Unit, lookup
from kafka_audit.link.flow.values import ClassValue, External, Instance, ModuleValue

DEEPEST = 8
"""Names bound to names: longer chains are not followed."""


class Binding(NamedTuple):
    """A name that can be replaced.

    `owner` is a dotted library module, the path of a project file, the `path:qualname` of a class, or for
    `sys.modules` and variables of the environment nothing; `name` is the name in it.
    """

    kind: Literal["library", "module", "class", "sys.modules", "override", "env"]
    owner: str
    name: str


class Read(NamedTuple):
    """One name that is looked at: by the import statement `at` when that ran, or when the module `at` (a path) was
    executed, or, without `at`, by the call itself."""

    binding: Binding
    at: s.Import | str | None


def reads(engine: Engine, unit: Unit, function: s.Expr) -> list[Read]:
    """The names that calling `function` in `unit` depends on, the nearest first; what is unknown is left out."""
    return _reads(engine, unit, function, None, 0)


def _reads(engine: Engine, unit: Unit, expression: s.Expr, at: s.Import | str | None, depth: int) -> list[Read]:
    if depth > DEEPEST:
        return []
    match expression:
        case s.Name(name):
            return _of_name(engine, unit, name, at, depth)
        case s.Attribute(base, name):
            return _of_attribute(engine, unit, base, name, at, depth)
        case s.Subscript(base, _):
            return _reads(engine, unit, base, at, depth + 1)
        case s.Logic(_, operands):
            return [read for operand in operands for read in _reads(engine, unit, operand, at, depth + 1)]
        case s.Choice(_, then, otherwise):
            return [read for part in (then, otherwise) for read in _reads(engine, unit, part, at, depth + 1)]
    return []


def _of_name(engine: Engine, unit: Unit, name: str, at: s.Import | str | None, depth: int) -> list[Read]:
    owner, is_bound = lookup(unit, name)
    found: list[Read] = []
    if owner.kind == "module":
        found.append(Read(Binding("module", owner.module.path, name), at))
        at = at or owner.module.path
    if not is_bound:
        return found
    for place in (owner, *_declaring(owner, name)):
        for node in place.imports:
            if node.bound == name and node not in owner.module.hidden:
                found += _of_import(engine, place, node, None if owner.kind != "module" else node, depth)
    for place, value in bound_to(owner, name):
        early = at if place is owner else place.module.path  # a default is read where the function is defined
        found += _reads(engine, place, value, early, depth + 1)
    for scope in owner.module.classes:
        if scope.name == name and scope.body.parent is owner:
            for argument in scope.node.bases:
                found += _reads(engine, owner, argument.value, owner.module.path, depth + 1)
    return found


def _declaring(owner: Unit, name: str) -> list[Unit]:
    """The functions that bind a module's name by `global`."""
    return [unit for unit in owner.module.units if name in unit.outer] if owner.kind == "module" else []


def _of_import(engine: Engine, unit: Unit, node: s.Import, at: s.Import | None, depth: int) -> list[Read]:
    """What an import statement looks at: `sys.modules`, and for `from` the name in the module."""
    found = [] if node.level else [Read(Binding("sys.modules", "", node.module), at)]
    if node.name is None or node.name == "*":
        return found
    path = _source(engine, unit, node)
    if path is None:
        return found if node.level else [Read(Binding("library", node.module, node.name), at), *found]
    found.append(Read(Binding("module", path, node.name), at))
    source = engine.modules.get(path)
    if source is not None:
        inner = _of_name(engine, source.top, node.name, path, depth + 1)
        found += [read for read in inner if read.binding != found[-1].binding]
    return found


def _source(engine: Engine, unit: Unit, node: s.Import) -> str | None:
    """The project file that a `from` import takes its name from."""
    if node.level:
        return engine.paths.relative(node.module, node.level, unit.module.path)
    path = engine.paths.absolute(node.module, unit.module.path, is_library=False)
    return path if path in engine.modules else None


def _of_attribute(
    engine: Engine, unit: Unit, base: s.Expr, name: str, at: s.Import | str | None, depth: int
) -> list[Read]:
    """`aiokafka.AIOKafkaProducer` and `module.name`: the attribute is read when the expression is evaluated."""
    found: list[Read] = []
    for value in sorted(engine.look(unit, base), key=repr_of):
        match value:
            case External(dotted):
                found.append(Read(Binding("library", dotted, name), at))
            case ModuleValue(module):
                found.append(Read(Binding("module", module.path, name), at))
                found += _of_name(engine, module.top, name, module.path, depth + 1)[1:]
            case ClassValue(scope) | Instance(scope):
                found.append(Read(Binding("class", f"{scope.module.path}:{scope.qualname}", name), at))
    return [*found, *_reads(engine, unit, base, at, depth + 1)]


def repr_of(value: object) -> str:
    """A fixed order for the values of a place."""
    match value:
        case External(dotted):
            return dotted
        case ModuleValue(module):
            return module.path
        case ClassValue(scope) | Instance(scope):
            return f"{scope.module.path}:{scope.qualname}"
    return type(value).__name__

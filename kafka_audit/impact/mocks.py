"""What does test code replace, by which name, and from when until when?

Run with `unittest.mock` of Python 3.11, pytest 9.2 and pytest-mock 3.15: a target that is a string is imported first; a
decorator's patch holds while the function runs, a `with` block's inside the block, one of `monkeypatch` or `mocker`
until the fixture that made it ends, an assignment until something else is assigned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from kafka_audit.catalog.doubles import DOUBLES, METHODS, double_named
from kafka_audit.catalog.schema import Double
from kafka_audit.facts import schema as s
from kafka_audit.impact.bindings import Binding
from kafka_audit.impact.constants import texts
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import ClassValue, ClientType, External, Instance, ModuleValue, Value
from kafka_audit.link.reading.words import words

Way = Literal["patch", "monkeypatch", "mocker", "assignment", "sys.modules", "override", "double"]

_MODULES = {"unittest.mock", "mock"}


@dataclass(eq=False, slots=True)
class Mock:
    """One replacement: `target` as written, the names it replaces, and the time in which it holds.

    `holds` says in words how long it holds.
    """

    way: Way
    target: str
    unit: Unit
    line: int
    bindings: tuple[Binding, ...] = ()
    holds: str = ""
    is_wide: bool = False
    """It holds beyond one test, and is meant to be there before the code under test is imported."""
    start: int = -1
    end: int | None = None
    value: str = ""
    """What an assignment puts there, as written."""
    values: tuple[str, ...] = ()
    """What variables of the environment are set to, in the order of `bindings`."""
    is_nothing: bool = False
    """What it puts there is None."""
    stands_for: tuple[str, ...] = ()
    """The clients whose place a double takes without replacing a name."""
    is_field: bool = False
    """It replaces what one object keeps, and not a name by which a client is made."""


@dataclass(slots=True)
class Request:
    """A call that replaces something, before its names are looked up: what is replaced and in what."""

    way: Way
    node: s.Call
    dotted: str = ""
    owner: s.Expr | None = None
    names: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    """For variables of the environment: what each is set to, empty for one that is removed."""
    is_nothing: bool = False
    """What is put there is None."""
    double: Double | None = None
    starts: bool = field(default=True)
    """False for a patcher that is only made here: a decorator, a `with` item, or one that waits for `.start()`."""


def is_replacing(last: str) -> bool:
    """Whether a function whose last name is this can replace something."""
    return last in _LAST or "patch" in last


def request(engine: Engine, unit: Unit, node: s.Call) -> Request | None:
    """The replacement that a call makes, if it makes one."""
    function = node.function
    last = function.name if isinstance(function, s.Attribute) else function.id if isinstance(function, s.Name) else ""
    if not is_replacing(last):
        return None
    if isinstance(function, s.Attribute) and last == "start" and isinstance(function.value, s.Call | s.Name):
        return _started(engine, unit, function.value)
    double = _double(engine, unit, function, last)
    if double is not None:
        return Request("double", node, double=double, starts=double.is_made)
    kind = _kind(engine, unit, function)
    if kind is None and words(function) == "os.environ.setdefault":
        return _setenv("assignment", unit, node)
    if kind is None:
        return None
    way, method = kind
    made = _READERS[method](way, unit, node)
    if made is not None:
        made.starts = way != "patch"
        made.is_nothing = _is_none(_new(node, method))
    return made


def _double(engine: Engine, unit: Unit, function: s.Expr, last: str) -> Double | None:
    """What takes the place of a client as a whole; `last` is the function's last name."""
    if last in METHODS:
        return METHODS[last]
    if last not in _DOUBLES:
        return None
    for value in engine.look(unit, function):
        name = (
            value.dotted if isinstance(value, External) else value.client.name if isinstance(value, ClientType) else ""
        )
        if double_named(name) is not None:
            return double_named(name)
    return None


_DOUBLES = frozenset(name.rpartition(".")[2] for double in DOUBLES for name in double.names)


def _started(engine: Engine, unit: Unit, patcher: s.Expr) -> Request | None:
    """`patch(...).start()`, also by way of a variable."""
    from kafka_audit.impact.constants import bound_to

    calls = [patcher] if isinstance(patcher, s.Call) else []
    if isinstance(patcher, s.Name):
        calls = [value for _, value in bound_to(unit, patcher.id) if isinstance(value, s.Call)]
    for call in calls:
        made = request(engine, unit, call)
        if made is not None and made.way == "patch":
            made.starts = True
            return made
    return None


def _kind(engine: Engine, unit: Unit, function: s.Expr) -> tuple[Way, str] | None:
    """How a function replaces things: by `unittest.mock`, by pytest's fixture or by pytest-mock's."""
    text = words(function)
    for fixture, way in (("monkeypatch", "monkeypatch"), ("mocker", "mocker")):
        head, _, method = text.partition(".")
        if head.endswith(fixture) and f"{way}.{method}" in _METHODS:
            return way, _METHODS[f"{way}.{method}"]  # type: ignore[return-value]
    if "patch" not in text:
        return None
    for value in engine.look(unit, function):
        if isinstance(value, External):
            module, _, method = value.dotted.partition(".patch")
            if module in _MODULES and f"patch{method}" in _METHODS:
                return "patch", _METHODS[f"patch{method}"]
    return None


_PLACE = {"target": 1, "object": 2, "setattr": 2}
"""Which argument is what is put there."""

_METHODS = {
    "patch": "target",
    "patch.object": "object",
    "patch.multiple": "multiple",
    "patch.dict": "dict",
    "mocker.patch": "target",
    "mocker.patch.object": "object",
    "mocker.patch.multiple": "multiple",
    "mocker.patch.dict": "dict",
    "monkeypatch.setattr": "setattr",
    "monkeypatch.setitem": "setitem",
    "monkeypatch.delitem": "setitem",
    "monkeypatch.setenv": "setenv",
    "monkeypatch.delenv": "delenv",
}


_LAST = frozenset(name.rpartition(".")[2] for name in _METHODS) | _DOUBLES | METHODS.keys() | {"setdefault", "start"}
"""The last names of everything that replaces something, but for `patch` under another name."""


def _new(node: s.Call, method: str) -> s.Expr | None:
    """What is put in the place of a name."""
    if method == "setattr" and _argument(node, 2, "value") is None:
        return _argument(node, 1, "value")
    return _argument(node, _PLACE[method], "value" if method == "setattr" else "new") if method in _PLACE else None


def _argument(node: s.Call, index: int, keyword: str) -> s.Expr | None:
    positional = [argument.value for argument in node.arguments if argument.keyword is None and not argument.star]
    if index < len(positional):
        return positional[index]
    return next((argument.value for argument in node.arguments if argument.keyword == keyword), None)


def _target(way: Way, unit: Unit, node: s.Call) -> Request | None:
    target = _argument(node, 0, "target")
    found = texts(unit, target) if target is not None else []
    return Request(way, node, dotted=found[0]) if len(found) == 1 and "." in found[0] else None


def _object(way: Way, unit: Unit, node: s.Call) -> Request | None:
    owner, name = _argument(node, 0, "target"), _argument(node, 1, "attribute")
    found = texts(unit, name) if name is not None else []
    return Request(way, node, owner=owner, names=(found[0],)) if owner is not None and len(found) == 1 else None


def _multiple(way: Way, unit: Unit, node: s.Call) -> Request | None:
    owner = _argument(node, 0, "target")
    names = tuple(a.keyword for a in node.arguments if a.keyword and a.keyword not in {"target", "spec", "create"})
    found = texts(unit, owner) if owner is not None else []
    if owner is None or not names:
        return None
    return (
        Request(way, node, dotted=f"{found[0]}.{names[0]}") if found else Request(way, node, owner=owner, names=names)
    )


def _dict(way: Way, unit: Unit, node: s.Call) -> Request | None:
    owner, values = _argument(node, 0, "in_dict"), _argument(node, 1, "values")
    if owner is not None and (words(owner) in _ENVIRON or set(texts(unit, owner)) & _ENVIRON):
        return _environment(way, unit, node, values)
    if owner is None or (words(owner) != "sys.modules" and texts(unit, owner) != ["sys.modules"]):
        return None
    keys = [entry.key for entry in values.entries if entry.key is not None] if isinstance(values, s.Mapping) else []
    names = tuple(text for key in keys for text in texts(unit, key))
    names += tuple(a.keyword for a in node.arguments if a.keyword and a.keyword not in _OF_DICT)
    return Request(way, node, owner=None, names=names) if names else None


_ENVIRON = frozenset({"os.environ", "environ"})


def _environment(way: Way, unit: Unit, node: s.Call, values: s.Expr | None) -> Request | None:
    """`patch.dict(os.environ, {...}, clear=True)`: what is not named is removed then."""
    entries = values.entries if isinstance(values, s.Mapping) else ()
    found = {text: entry.value for entry in entries if entry.key is not None for text in texts(unit, entry.key)}
    found |= {a.keyword: a.value for a in node.arguments if a.keyword and a.keyword not in _OF_DICT}
    known = {name: text[0] for name, value in found.items() if len(text := texts(unit, value)) == 1}
    if _is_true(_argument(node, 2, "clear")):
        known["*"] = ""
    return Request(way, node, names=tuple(known), values=tuple(known.values())) if known else None


_OF_DICT = frozenset({"values", "clear", "in_dict"})


def _setenv(way: Way, unit: Unit, node: s.Call) -> Request | None:
    name, value = _argument(node, 0, "name"), _argument(node, 1, "value")
    names, found = texts(unit, name) if name is not None else [], texts(unit, value) if value is not None else []
    is_known = len(names) == len(found) == 1
    return Request(way, node, names=tuple(names), values=tuple(found)) if is_known else None


def _delenv(way: Way, unit: Unit, node: s.Call) -> Request | None:
    name = _argument(node, 0, "name")
    names = texts(unit, name) if name is not None else []
    return Request(way, node, names=tuple(names), values=("",) * len(names)) if names else None


def _is_none(value: s.Expr | None) -> bool:
    return isinstance(value, s.Constant) and value.value is None


def _is_true(value: s.Expr | None) -> bool:
    return isinstance(value, s.Constant) and value.value is True


def _setattr(way: Way, unit: Unit, node: s.Call) -> Request | None:
    name = _argument(node, 1, "name")
    is_dotted = _argument(node, 2, "value") is None
    return _target(way, unit, node) if is_dotted or name is None else _object(way, unit, node)


def _setitem(way: Way, unit: Unit, node: s.Call) -> Request | None:
    owner, name = _argument(node, 0, "dic"), _argument(node, 1, "name")
    if owner is None or words(owner) != "sys.modules" or name is None:
        return None
    return Request(way, node, names=tuple(texts(unit, name)))


_READERS = {
    "target": _target,
    "object": _object,
    "multiple": _multiple,
    "dict": _dict,
    "setattr": _setattr,
    "setitem": _setitem,
    "setenv": _setenv,
    "delenv": _delenv,
}


# --- what the names are ----------------------------------------------------------------------------------------------


def bindings_in(engine: Engine, unit: Unit, owner: s.Expr, names: Iterable[str]) -> tuple[Binding, ...]:
    """The names that replacing attributes of an object replaces."""
    values = engine.look(unit, owner)
    return tuple(binding for name in names for value in values for binding in binding_of(engine, value, name))


def binding_of(engine: Engine, value: Value, name: str) -> Iterator[Binding]:
    """The name that an attribute of a module, a class or an object is."""
    match value:
        case External(dotted) if "()" not in dotted:
            yield Binding("library", dotted, name)
        case ClientType(client):
            yield Binding("library", client.name, name)
        case ModuleValue(module):
            yield Binding("module", module.path, name)
        case ClassValue(scope) | Instance(scope):
            yield class_binding(scope, name)


def class_binding(scope: ClassScope, name: str) -> Binding:
    """A name in the body of a class."""
    return Binding("class", f"{scope.module.path}:{scope.qualname}", name)


def shown(target: str, names: Iterable[str]) -> str:
    """The target as a reader writes it."""
    return ", ".join(f"{target}.{name}" if target else name for name in names)

"""What `value.name` can be, and where assigning it goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from kafka_audit.catalog.clients import Client
from kafka_audit.catalog.hosts import PROXIES
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import GIVING, METHODS
from kafka_audit.link.flow.engine import NOTHING, Arguments, Engine, Values
from kafka_audit.link.flow.families import ancestry, descendants
from kafka_audit.link.flow.imports import module_attribute, submodule, whole_module
from kafka_audit.link.flow.scopes import ClassScope, SeenAs, Unit, enclosing, is_special
from kafka_audit.link.flow.templates import is_template, own_clients, own_results
from kafka_audit.link.flow.values import (
    RECORD,
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientObject,
    Container,
    ContainerMethod,
    External,
    ForeignClient,
    FunctionValue,
    Instance,
    ModuleValue,
    Place,
    Site,
    Super,
    Text,
    Unread,
    Value,
)
from kafka_audit.link.reading.walk import expressions, inside, statements

LONGEST_ON_OBJECT = 2
"""Attributes of an object of another library that are followed: `app.router.lifespan_context`."""

MOST_READ_ONE_BY_ONE = 100
"""Classes above and below one another: of a larger family only those fields are places that something sets."""

LONGEST_CHAIN = 8
"""Names of other libraries with more parts than this are not followed: `node = node.next` would never end."""


def load_attribute(engine: Engine, base: Values, name: str) -> Values:
    """Everything that reading `name` from any of these values can give."""
    if not base and not engine.settled:
        engine.wait_for(name)
        return NOTHING
    found: Values = set()
    alike: dict[tuple[ClassScope, bool], list[Value]] = {}
    for value in base:
        if type(value) is Instance:
            alike.setdefault((value.scope, value.origin is not None), []).append(value)
        else:
            found |= attribute_of(engine, value, name)
    for (scope, is_exact), objects in alike.items():
        found |= _of_objects(engine, scope, name, objects, is_exact=is_exact)
    if not found and not alike and not any(isinstance(value, Container) for value in base):
        # Nothing is known of the object: `request.app.state.producer` may be what `app.state.producer` was given.
        found = found | engine.read(engine.outside(name))
    return found


def attribute_of(engine: Engine, value: Value, name: str) -> Values:
    """What reading `name` from one value can give."""
    load = _ATTRIBUTE.get(type(value))
    return load(engine, value, name) if load is not None else set()


def _of_object(engine: Engine, value: Instance, name: str) -> Values:
    return _of_objects(engine, value.scope, name, [value], is_exact=value.origin is not None)


def _of_client(engine: Engine, value: ClientObject, name: str) -> Values:
    own = _of_project_part(engine, value.site, _mangled(engine, name), value)
    return own or {engine.intern(ClientMethod, value, name)}


def _of_foreign(engine: Engine, value: ForeignClient, name: str) -> Values:
    return {engine.intern(ClientMethod, value, name)}


def _of_container(engine: Engine, value: Container, name: str) -> Values:
    if value.kind == RECORD:
        return engine.read(value.slots_[name]) if name in value.slots_ else engine.read(value.rest)
    return {engine.intern(ContainerMethod, value, name)} if name in METHODS or value.kind in GIVING else NOTHING


def _of_unread(engine: Engine, value: Unread, name: str) -> Values:
    """A name of a file that was not read; of a package, the module of that name: `import app.kafka` binds `app`."""
    if value.name:
        return set()
    child = engine.paths.child(value.path, name)
    return {engine.intern(Unread, value.path, name)} if child is None else whole_module(engine, child)


def _mangled(engine: Engine, name: str) -> str:
    if not name.startswith("__") or is_special(name):
        return name
    for unit in enclosing(engine.unit):
        if unit.scope is not None:
            return unit.scope.mangle(name)
    return name


def _of_objects(engine: Engine, scope: ClassScope, name: str, objects: list[Value], *, is_exact: bool) -> Values:
    """What `name` is on objects of one class, `is_exact` if of no class below it: only their methods differ."""
    if name == "__class__":
        return {engine.class_value(scope)}
    name = _mangled(engine, name)
    line = ancestry(engine, scope)
    below = [] if is_exact else descendants(engine, scope)
    if len(line) + len(below) > MOST_READ_ONE_BY_ONE:
        found, definers = _in_fields(engine, (*line, *below), name), _definers(line, below, name)
    else:
        known = engine.seen_as.setdefault(scope, {})
        seen = known.get((name, is_exact))
        if seen is None:
            seen = known[name, is_exact] = _seen_as(engine, scope, line, below, name)
        found, definers = engine.read(seen.fields), seen.definers
        if len(line) + len(below) > 1:
            found = own_clients(engine, scope, name, found, is_exact=is_exact)
    for base in definers:
        # A field that is set hides the class attribute of that name, but not always: both may be what is read.
        found = found | _from_body(engine, base, name, objects)
    return found or _inherited(engine, line, name, objects[0])


_Line = Sequence[ClassScope | Client | str]


def _seen_as(engine: Engine, scope: ClassScope, line: _Line, below: list[ClassScope], name: str) -> SeenAs:
    fields = Place("field", scope, name)
    for base in (*line, *below):
        if isinstance(base, ClassScope):
            place = engine.field(base, name)
            place.followers += (fields,)
            fields.values = fields.values | place.values
    return SeenAs(fields, _definers(line, below, name))


def _definers(line: _Line, below: list[ClassScope], name: str) -> tuple[ClassScope, ...]:
    """The classes whose body may define the attribute: the nearest, and any below."""
    nearest = next((base for base in line if isinstance(base, ClassScope) and _defines(base, name)), None)
    above = (nearest,) if nearest is not None else ()
    return (*above, *(child for child in below if _defines(child, name)))


def _defines(scope: ClassScope, name: str) -> bool:
    """Whether the body of the class binds the name, as Python stores it."""
    return scope.unmangle(name) in scope.body.bound


def _in_fields(engine: Engine, relatives: _Line, name: str) -> Values:
    """What the fields of this name hold in any of the many classes of a large family."""
    found: Values = set()
    engine.ask((ClassScope, name))
    for base in relatives:
        if isinstance(base, ClassScope) and name in base.fields:
            found |= engine.read(base.field(name))
    return found


def _inherited(engine: Engine, line: list[ClassScope | Client | str], name: str, receiver: Value) -> Values:
    """An attribute that no project class defines: the client's, or that of another library's base class.

    A class may pass on what it does not know to a client that it keeps.
    """
    for base in line:
        if isinstance(base, ClassScope) and "__getattr__" in base.body.bound:
            return _passed_on(engine, base, name)
        if isinstance(base, Client):
            owner = receiver if isinstance(receiver, ClientObject) else engine.foreign(base)
            return {engine.intern(ClientMethod, owner, name)}
        if isinstance(base, str):
            return {engine.external(f"{base}().{name}")} | engine.read(engine.outside(name))
    return set()


def _passed_on(engine: Engine, scope: ClassScope, name: str) -> Values:
    """An attribute of the clients that `__getattr__` of a class asks for whatever the class does not have."""
    found: Values = set()
    for value in engine.read(scope.body.place("__getattr__")):
        function = value.unit.function if isinstance(value, FunctionValue) else None
        for field in _asked_instead(function) if function is not None else ():
            for kept in engine.read(engine.field(scope, scope.mangle(field))):
                found |= attribute_of(engine, kept, name) if isinstance(kept, ClientObject | ForeignClient) else NOTHING
    return found


def _asked_instead(function: s.Function) -> Iterator[str]:
    """The fields whose attribute of the wanted name a `__getattr__` reads: `getattr(self._client, name)`."""
    wanted = [parameter.name for parameter in function.parameters][1:2]
    for statement in statements(function.body):
        for expression in expressions(statement):
            for part in inside(expression):
                match part:
                    case s.Call(s.Name("getattr"), [asked, named, *_]) if isinstance(named.value, s.Name):
                        if named.value.id in wanted and isinstance(asked.value, s.Attribute):
                            yield asked.value.name


def _from_body(engine: Engine, scope: ClassScope, name: str, objects: Iterable[Value]) -> Values:
    """A name of the class body as seen through objects: functions become methods, properties are evaluated."""
    found: Values = set()
    for value in engine.read(scope.body.place(scope.unmangle(name))):
        if isinstance(value, FunctionValue) and value.unit.function is not None:
            for receiver in objects:
                found |= _bound(engine, value, receiver, scope)
        else:
            found.add(value)
    return found


def _bound(engine: Engine, value: FunctionValue, receiver: Value, scope: ClassScope) -> Values:
    unit = value.unit
    flags = engine.flags.get(unit)
    if flags:
        if "static" in flags:
            return {value}
        if "class" in flags:
            cls = receiver if isinstance(receiver, ClassValue) else engine.class_value(_class_of(receiver, scope))
            return {engine.intern(BoundMethod, unit, cls)}
        if "property" in flags or "kept property" in flags:
            engine.note_implicit(unit, unit.line)
            return _property(engine, unit, receiver, scope, is_kept="kept property" in flags)
    return {engine.intern(BoundMethod, unit, receiver)}


def _property(engine: Engine, unit: Unit, receiver: Value, scope: ClassScope, *, is_kept: bool) -> Values:
    """What a property gives on an object; one that is kept is a field of the class whose object it differs by."""
    found = own_results(engine, unit, [receiver])
    if is_kept and unit.function is not None:
        keeper = _class_of(receiver, scope) if is_template(engine, unit) else scope
        if keeper is scope or keeper not in ancestry(engine, scope):
            engine.write(engine.field(keeper, unit.function.name), found)
    return found


def items_of(engine: Engine, values: Values) -> Values:
    """What `value[key]` gives where the class of an object of the project says so."""
    found: Values = set()
    for value in values:
        for method in attribute_of(engine, value, "__getitem__") if isinstance(value, Instance) else ():
            if isinstance(method, BoundMethod):
                engine.note_implicit(method.unit, method.unit.line)
                found |= own_results(engine, method.unit, [value])
    return found


def _class_of(receiver: Value, default: ClassScope) -> ClassScope:
    if isinstance(receiver, Instance):
        return receiver.scope
    if isinstance(receiver, ClientObject) and receiver.site.scope is not None:
        return receiver.site.scope
    return default


def _of_class(engine: Engine, receiver: ClassValue, name: str) -> Values:
    scope, name = receiver.scope, _mangled(engine, name)
    found: Values = set()
    line = ancestry(engine, scope)
    for base in [*line, *descendants(engine, scope)]:
        if isinstance(base, ClassScope) and (_defines(base, name) or base.unmangle(name) in base.body.places):
            for value in engine.read(base.body.place(base.unmangle(name))):
                is_class_method = isinstance(value, FunctionValue) and engine.flagged(value.unit, "class")
                found |= _bound(engine, value, receiver, base) if is_class_method else {value}  # type: ignore[arg-type]
            if base in line and found:
                break
    if not found and name not in {"__name__", "__class__"}:
        found |= engine.read(scope.body.place(scope.unmangle(name)))
    return found or _inherited(engine, line, name, receiver)


def _of_project_part(engine: Engine, site: Site, name: str, receiver: Value) -> Values:
    """What the project's own subclasses of a client add to it."""
    if site.scope is None:
        return set()
    found: Values = set()
    for base in ancestry(engine, site.scope):
        if isinstance(base, Client):
            break
        if isinstance(base, ClassScope):
            found |= engine.read(engine.field(base, name))
            if _defines(base, name):
                found |= _from_body(engine, base, name, (receiver,))
                break
    return found


def _of_super(engine: Engine, value: Super, name: str) -> Values:
    receiver, name = value.receiver, _mangled(engine, name)
    line = ancestry(engine, value.scope)[1:]
    for base in line:
        if isinstance(base, ClassScope) and _defines(base, name):
            return _from_body(engine, base, name, (receiver,))
        if isinstance(base, Client):
            break
    return _inherited(engine, line, name, receiver) or {engine.external(f"builtins.object.{name}")}


def _of_external(engine: Engine, value: External, name: str) -> Values:
    dotted = value.dotted
    made = dotted.rfind("()")
    if dotted.count(".") > LONGEST_CHAIN or (made >= 0 and dotted.count(".", made) > LONGEST_ON_OBJECT):
        return set()
    full = f"{dotted}.{name}"
    client = engine.catalogue.client_named(full)
    if client is not None:
        return {engine.client_type(client)}
    if made < 0:
        inner = submodule(engine, dotted, name)
        if inner:
            return inner
    found: Values = {engine.external(full, value.made)}
    if "()" in dotted or dotted in PROXIES:
        found |= engine.read(engine.outside(name))
    return found


KEPT_BY_NAME = frozenset(f"{proxy}.{method}" for proxy in PROXIES for method in ("get", "pop"))
"""Methods of objects of other libraries that give the attribute of a name."""


def kept_by_name(engine: Engine, arguments: Arguments) -> Values:
    """`g.pop("producer", None)`: the attribute of that name, or what is given in its place."""
    places = [engine.outside(value.text) for value in arguments.get(0, "name") if isinstance(value, Text)]
    return set(arguments.get(1, "default")).union(*(engine.read(place) for place in places))


def any_client(engine: Engine, value: Value) -> Values:
    """What an attribute of a name that is not known can be: any client that the object keeps."""
    if not isinstance(value, Instance):
        return set()
    scopes = [base for base in ancestry(engine, value.scope) if isinstance(base, ClassScope)]
    fields = [engine.read(place) for scope in scopes for place in list(scope.fields.values())]
    return {kept for values in fields for kept in values if isinstance(kept, ClientObject)}


def _of_module(engine: Engine, value: ModuleValue, name: str) -> Values:
    return module_attribute(engine, value.module, name)


_ATTRIBUTE: dict[type, Callable[[Engine, Any, str], Values]] = {
    ClassValue: _of_class,
    ClientObject: _of_client,
    Container: _of_container,
    External: _of_external,
    ForeignClient: _of_foreign,
    Instance: _of_object,
    ModuleValue: _of_module,
    Super: _of_super,
    Unread: _of_unread,
}


def store_attribute(engine: Engine, base: Values, name: str, values: Values, text: str, line: int) -> None:
    """`base.name = values` in a line; `text` is how the code writes the target."""
    if name == "_closed":
        engine.pokes.update(((value, engine.unit), line) for value in base if isinstance(value, ClientObject))
    if not values:
        return
    name, is_known = _mangled(engine, name), False
    for value in base:
        match value:
            case Instance(scope):
                place = engine.field(scope, name)
            case ClassValue(scope):
                place = scope.body.place(scope.unmangle(name))
            case ModuleValue(module):
                place = module.top.place(name)
            case ClientObject(site) if site.scope is not None:
                place = engine.field(site.scope, name)
            case Unread(path):
                engine.wanted.add(path)
                continue
            case External(_, made) if made is not None and name == "lifespan_context":
                engine.hosting.replaced.add(made)
                continue
            case _:
                continue
        is_known = True
        engine.write(place, values)
        engine.note_written(place, text)
    if not is_known and not base and not engine.settled:
        engine.wait()
    elif not is_known:
        place = engine.outside(name)
        place.text = text
        engine.write(place, values)
        engine.note_written(place, text)

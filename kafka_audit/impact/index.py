"""What a program's clients, calls and bodies are asked for again and again, looked up once per program."""

from __future__ import annotations

from collections.abc import Iterable

from kafka_audit.facts import schema as s
from kafka_audit.impact import acts
from kafka_audit.impact.effects import is_telling
from kafka_audit.impact.serving import Serving
from kafka_audit.link.flow.engine import Event, Node
from kafka_audit.link.flow.scopes import Module, Unit, once
from kafka_audit.link.flow.values import ClientObject, ClientType
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements


class Index:
    """Clients by the call that makes them, their events by call, and the bodies whose run can matter.

    `site`, `in_module` and `events` hold audited clients only; `implicit` are the bodies that run without a call.
    """

    def __init__(self, program: Program) -> None:
        engine = program.engine
        self.site = {life.site.node: life for life in program.audited}
        self.in_module: dict[str, list[Life]] = {}
        for life in program.audited:
            self.in_module.setdefault(life.path, []).append(life)
        by_value = {life.value: life for life in program.audited}
        self.events: dict[Node, list[tuple[Event, Life]]] = {}
        for event in engine.events.values():
            if isinstance(event.receiver, ClientObject) and event.receiver in by_value and event.what != "use":
                self.events.setdefault(event.node, []).append((event, by_value[event.receiver]))
        self.implicit: dict[Unit, list[tuple[Unit, int]]] = {}
        for (caller, callee), line in engine.implicit.items():
            if callee.kind != "class":
                self.implicit.setdefault(caller, []).append((callee, line))
        self.serving = Serving(engine, program.discharge.hosts)
        self._calls = engine.calls
        self._reader = acts.Reader(engine, self._is_act)
        self._acts: dict[Unit, tuple[acts.Act, ...]] = {}
        self._replacing: dict[Module, tuple[Unit, ...]] = {}
        self._names = _names(program)
        fields = {
            life.holding.at.name for life in program.audited if life.holding.at and life.holding.at.kind == "field"
        }
        self._assigned = self._names | fields
        self._sure: dict[Life, bool] = {}
        self.interesting = self._find_interesting(program)

    def acts(self, unit: Unit) -> tuple[acts.Act, ...]:
        """The acts of a body."""
        found = self._acts.get(unit)
        if found is None:
            found = self._acts[unit] = self._reader.acts_of(unit)
        return found

    def _is_act(self, node: s.Call) -> bool:
        """Whether a call can do anything while tests run."""
        return node in self._calls or node in self.site or node in self.events or is_telling(node)

    def makes_client(self, node: s.Expr) -> bool:
        """Whether an expression is a call that makes an audited client."""
        return isinstance(node, s.Call) and node in self.site

    def is_sure(self, life: Life) -> bool:
        """Whether the body that makes a client makes it whatever it finds: under no condition, and not left before."""
        found = self._sure.get(life)
        if found is None:
            found = self._sure[life] = _comes_to(life.site.unit.body, life.site.node) is True
        return found

    def replacing(self, module: Module) -> tuple[Unit, ...]:
        """The bodies of a file that may replace audited clients: they say a class's name in a string, or assign it,
        or the field that a client is kept in, behind a dot."""
        found = self._replacing.get(module)
        if found is None:
            silent = {each.name for each in module.facts.symbols if self._assigned.isdisjoint(each.mentions)}
            units = (unit for unit in module.units if _definition(unit) not in silent)
            found = self._replacing[module] = tuple(unit for unit in units if self._may_replace(unit))
        return found

    def is_marked(self, module: Module) -> bool:
        """Whether a decorator in a file says the name of such a class in a string."""
        return any(
            self.names_client(unit.node.decorators)
            for unit in module.units
            if isinstance(unit.node, s.Function | s.Class)
        )

    def names_client(self, wanted: Iterable[s.Expr]) -> bool:
        """Whether a string in these expressions says the name of such a class."""
        for expression in wanted:
            for part in inside(expression):
                text = part.value if isinstance(part, s.Constant) else None
                if isinstance(text, str) and text.rpartition(".")[2] in self._names:
                    return True
        return False

    def _may_replace(self, unit: Unit) -> bool:
        for statement in statements(unit.body):
            if isinstance(statement, s.Function | s.Class):
                continue  # of what stands in decorators, `is_marked` says
            if isinstance(statement, s.Assign) and any(
                isinstance(target, s.Attribute) and target.name in self._assigned for target in statement.targets
            ):
                return True
            if self.names_client(expressions(statement)):
                return True
        return False

    def _find_interesting(self, program: Program) -> frozenset[Unit]:
        """The bodies whose run can matter: those that make, start or release clients, import, or replace; and what
        runs such a body."""
        engine, reach = program.engine, program.lives.reach
        found = {life.site.unit for life in program.audited}
        found |= {event.unit for events in self.events.values() for event, _ in events}
        for module in engine.modules.values():
            is_test = context_of(module.path) == "test"
            found |= {unit for unit in module.units if unit.imports or unit.kind == "class" or is_test}
        waiting = list(found)
        while waiting:
            for edge in reach.incoming.get(waiting.pop(), ()):
                if edge.caller not in found:
                    found.add(edge.caller)
                    waiting.append(edge.caller)
        return frozenset(found)


def _definition(unit: Unit) -> str:
    """The name of the definition at the top of its file that a body belongs to; empty for other bodies."""
    while unit.parent is not None and unit.parent.kind != "module":
        unit = unit.parent
    return unit.node.name if isinstance(unit.node, s.Function | s.Class) else ""


@once
def index_of(program: Program) -> Index:
    """The index of a program, which several rules ask for."""
    return Index(program)


def _names(program: Program) -> frozenset[str]:
    """What the classes of the audited clients are called, by their libraries and by the files that import them."""
    clients = {life.site.client for life in program.audited}
    found = {name.rpartition(".")[2] for client in clients for name in client.importable}
    for module in program.engine.modules.values():
        for name, place in module.top.places.items():
            if any(isinstance(value, ClientType) and value.client in clients for value in place.values):
                found.add(name)
    return frozenset(found)


def _comes_to(body: s.Body, node: s.Call) -> bool | None:
    """Whether the statements come to a call whatever happens; False when they may not, None when it is not in them."""
    for statement in body:
        if any(part is node for expression in expressions(statement) for part in inside(expression)):
            return True
        is_entered = (
            isinstance(statement, s.If) and isinstance(statement.test, s.Constant) and bool(statement.test.value)
        )
        if is_entered or isinstance(statement, s.Try | s.With):
            found = _comes_to(statement.body, node)  # type: ignore[union-attr]
            if found is not None:
                return found
        every = (inner for block in child_bodies(statement) for inner in statements(block))
        if isinstance(statement, s.Return) or any(isinstance(each, s.Return) or _has(each, node) for each in every):
            return False
    return None


def _has(statement: s.Stmt, node: s.Call) -> bool:
    return any(part is node for expression in expressions(statement) for part in inside(expression))

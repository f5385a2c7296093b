"""Which calls of the project fail when a call on the client fails?

That error is the one that the code itself gives reason to expect: the broker is gone, the message is too large. It
travels up through the project's functions until a handler takes it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kafka_audit.catalog.clients import ERRORS
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Calling
from kafka_audit.link.flow.externals import INERT, LOGS
from kafka_audit.link.flow.scopes import Unit, lookup
from kafka_audit.link.flow.values import ClientMethod, External, Value
from kafka_audit.link.lives.life import Life, Lives
from kafka_audit.link.paths.states import Loss, catches_everything, caught_types
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.walk import expressions, inside, statements

QUIET = frozenset(
    [
        "flush",
        "subscribe",
        "unsubscribe",
        "assign",
        "unassign",
        "assignment",
        "subscription",
        "bootstrap_connected",
        "metrics",
    ]
)
"""Methods whose failure is no reason to expect a way out.

A flush that fails is the release's own trouble: what it skips then is another rule's matter. The others only note what
is wanted, or tell what is known, in every library, and talk to no broker.
"""

MAY_FAIL = frozenset(
    [
        "builtins.delattr",
        "builtins.float",
        "builtins.hash",
        "builtins.int",
        "builtins.sum",
        "json.dumps",
        "json.loads",
    ]
)
"""Functions that do nothing to what they are given, but may refuse it."""

HARMLESS = INERT - MAY_FAIL | {
    "asyncio.Event",
    "asyncio.Lock",
    "asyncio.Queue",
    "asyncio.get_event_loop",
    "asyncio.get_running_loop",
    "asyncio.sleep",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "logging.getLogger",
    "os.getenv",
    "os.getpid",
    "random.random",
    "time.monotonic",
    "time.monotonic_ns",
    "time.perf_counter",
    "time.perf_counter_ns",
    "time.sleep",
    "time.time",
    "time.time_ns",
    "uuid.uuid1",
    "uuid.uuid4",
}
"""Functions that nobody expects to fail: they print, look at the clock, wait, make a name, or ask what something is."""


class Failing:
    """Answers for one program."""

    def __init__(self, lives: Lives) -> None:
        self.lives, self.reach = lives, lives.reach
        self._units: dict[str, set[Unit]] = {}
        self._taken: dict[tuple[Unit, str], frozenset[s.Call]] = {}
        self._is_quiet: dict[Unit, bool] = {}
        self.left: dict[tuple[str, Unit], list[Loss]] = {}
        """By client and function: where it leaves open what it is to end, when something fails in it."""

    def units(self, life: Life) -> set[Unit]:
        """The functions that an error of a call on the client leaves."""
        if life.id not in self._units:
            self._units[life.id] = self._spread(life) if not life.site.client.flush_is_release else set()
        return self._units[life.id]

    def taking(self, life: Life, unit: Unit) -> Callable[[s.Handler], bool]:
        """Whether a handler in `unit` takes every error of the client's library: all of them, or their base class."""
        errors = ERRORS.get(life.site.client.distribution, ())
        return lambda handler: (
            catches_everything(handler) or any(_is_one_of(each, unit, errors) for each in caught_types(handler))
        )

    def is_harmless(self, unit: Unit, node: s.Call) -> bool:
        """Whether nobody expects the call to fail: it prints, logs or waits, or calls only what does."""
        callees = self.lives.callees(node)
        if callees:
            return all(self._only_harmless(callee) for callee in callees)
        if isinstance(node.function, s.Attribute) and node.function.name in LOGS:
            return True
        values = self.lives.engine.look(unit, node.function)
        return bool(values) and all(map(_is_quiet, values))

    def _only_harmless(self, unit: Unit) -> bool:
        if unit not in self._is_quiet:
            self._is_quiet[unit] = False  # a function that calls itself
            self._is_quiet[unit] = not any(
                isinstance(statement, s.Raise)
                or any(isinstance(part, s.Call) and not self.is_harmless(unit, part) for part in _inside(statement))
                for statement in statements(unit.body)
            )
        return self._is_quiet[unit]

    def _spread(self, life: Life) -> set[Unit]:
        waiting = [
            event.unit
            for event in life.uses
            if event.method not in QUIET
            and isinstance(event.node, s.Call)
            and not self.takes(life, event.unit, event.node)
        ]
        found = set(waiting)
        while waiting:
            for edge in self.reach.incoming.get(waiting.pop(), ()):
                node = edge.fact.node if edge.fact is not None else None
                if edge.caller in found or not isinstance(node, s.Call) or not self.reach.runs(edge):
                    continue
                if not self.takes(life, edge.caller, node):
                    found.add(edge.caller)
                    waiting.append(edge.caller)
        return found

    def takers(self, life: Life, unit: Unit, node: Calling) -> set[Unit]:
        """The application's functions in which an error of the call ends: its own, or those that it travels up to."""
        found: set[Unit] = set()
        seen, waiting = {unit}, [(unit, node)]
        while waiting:
            caller, call = waiting.pop()
            if isinstance(call, s.Call) and self.takes(life, caller, call):
                found.add(caller)
                continue
            for edge in self.reach.incoming.get(caller, ()):
                is_app = context_of(edge.caller.module.path) != "test"
                if is_app and edge.fact is not None and edge.caller not in seen and self.reach.runs(edge):
                    seen.add(edge.caller)
                    waiting.append((edge.caller, edge.fact.node))
        return found

    def takes(self, life: Life, unit: Unit, node: s.Call) -> bool:
        """Whether something around the call in its function takes the error and raises nothing in turn."""
        key = (unit, life.site.client.distribution)
        if key not in self._taken:
            self._taken[key] = frozenset(_handled(unit.body, self.taking(life, unit)))
        return node in self._taken[key]


def _is_quiet(function: Value) -> bool:
    match function:
        case External(dotted):
            return dotted in HARMLESS
        case ClientMethod(_, name):
            return name in QUIET
    return False


def _is_one_of(each: s.Expr | None, unit: Unit, errors: tuple[str, ...]) -> bool:
    """Whether the expression names one of the classes, whatever the module calls it."""
    match each:
        case s.Attribute(_, name):
            return name in errors
        case s.Name(name):
            owner, _ = lookup(unit, name)
            values = owner.places[name].values if name in owner.places else ()
            dotted = [value.dotted for value in values if isinstance(value, External)] or [name]
            return any(text.rpartition(".")[2] in errors for text in dotted)
    return False


def _handled(body: s.Body, takes: Callable[[s.Handler], bool]) -> Iterator[s.Call]:
    """The calls of a body whose errors end where they are."""
    for statement in statements(body):
        ends = isinstance(statement, s.Try) and _ends(statement, takes)
        if ends or (isinstance(statement, s.With) and any(suppresses(item) for item in statement.items)):
            for inner in statements(statement.body):  # type: ignore[union-attr]  # both have one
                yield from (part for part in _inside(inner) if isinstance(part, s.Call))


def _inside(statement: s.Stmt) -> Iterator[s.Expr]:
    return (part for expression in expressions(statement) for part in inside(expression))


def _ends(statement: s.Try, takes: Callable[[s.Handler], bool]) -> bool:
    """Whether the first handler that takes the errors never raises."""
    for handler in statement.handlers:
        if takes(handler):
            return not any(isinstance(inner, s.Raise) for inner in statements(handler.body))
    return False


def suppresses(item: s.Item) -> bool:
    """Whether the context manager ends exceptions: `contextlib.suppress`."""
    match item.value:
        case s.Call(s.Name("suppress") | s.Attribute(_, "suppress")):
            return True
    return False

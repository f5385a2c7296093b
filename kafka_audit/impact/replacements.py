"""Which mocks hold at which time, and is a given call looking up what they replace?"""

from __future__ import annotations

from kafka_audit.catalog.hosts import DEPENDENCIES
from kafka_audit.facts import schema as s
from kafka_audit.impact.bindings import Binding, Read, reads
from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.trace import MockVerdict
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import ClientObject, ClientType, Place
from kafka_audit.link.reading.words import words


class Replacements:
    """The mocks of one session. Times are those of the session's clock."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._by_binding: dict[Binding, list[Mock]] = {}
        self._reads: dict[s.Expr, list[Read]] = {}
        self._aims: dict[Mock, frozenset[str]] = {}
        self.active: dict[Mock, None] = {}
        self.imported: dict[s.Import, int] = {}
        self.executed: dict[str, int] = {}

    def begin(self, mock: Mock, time: int) -> None:
        """Let a mock hold from now on."""
        mock.start, mock.end = time, None
        for binding in mock.bindings:
            self._by_binding.setdefault(binding, []).append(mock)
        self.active[mock] = None

    def end(self, mock: Mock, time: int) -> None:
        """Let a mock hold no longer."""
        if mock.end is None:
            mock.end = time
        self.active.pop(mock, None)

    def held(self, binding: Binding) -> list[Mock]:
        """The mocks that replace a name now."""
        return [mock for mock in self._by_binding.get(binding, ()) if mock in self.active]

    def state(self) -> frozenset[Mock]:
        """What holds now, as a key."""
        return frozenset(self.active)

    def reads(self, unit: Unit, node: s.Call) -> list[Read]:
        """The names that a call looks up."""
        found = self._reads.get(node)
        if found is None:
            found = _provided(self._engine, unit, node) or reads(self._engine, unit, node.function)
            self._reads[node] = found
        return found

    def covering(self, unit: Unit, node: s.Call, time: int) -> tuple[Mock, Read] | None:
        """The mock that the call meets instead of what it would have called, and the read by which it does."""
        if not self._by_binding:
            return None
        for read in self.reads(unit, node):
            at = self._time(read, time)
            for mock in self._by_binding.get(read.binding, ()):
                if mock.start <= at and (mock.end is None or at < mock.end):
                    return mock, read
        return None

    def _time(self, read: Read, now: int) -> int:
        if read.at is None:
            return now
        if isinstance(read.at, str):
            return self.executed.get(read.at, -1)
        return self.imported.get(read.at, -1)

    def aims(self, mock: Mock) -> frozenset[str]:
        """The clients, by name, whose class the mock replaces under some name."""
        found = self._aims.get(mock)
        if found is None:
            replaced = (name for binding in mock.bindings for name in _clients(self._engine, binding))
            found = self._aims[mock] = frozenset((*replaced, *mock.stands_for))
        return found

    def verdict(self, unit: Unit, node: s.Call, client: str, time: int) -> MockVerdict | None:
        """What the mocks that hold mean for a call that makes a client; None when none is meant for it."""
        covering = self.covering(unit, node, time)
        if covering is not None:
            return MockVerdict(covering[0], "effective", _why_effective(unit, node, *covering))
        looked_up = self.reads(unit, node)
        aiming = [mock for mock in self.active if client in self.aims(mock) and not mock.is_field]
        if not aiming or not looked_up:
            return None
        mock = next((m for m in aiming if _meets(m, looked_up)), aiming[0])
        effect = "too late" if _meets(mock, looked_up) and mock.is_wide else "elsewhere"
        return MockVerdict(mock, effect, self._why_not(unit, node, mock, looked_up))  # type: ignore[arg-type]

    def meets(self, mock: Mock, unit: Unit, node: s.Call) -> bool:
        """Whether the mock replaces one of the names that the call depends on, at whatever time."""
        return _meets(mock, self.reads(unit, node))

    def _why_not(self, unit: Unit, node: s.Call, mock: Mock, looked_up: list[Read]) -> str:
        path, name = unit.module.path, words(node.function)
        met = next((read for read in looked_up if read.binding in mock.bindings), None)
        if met is not None:
            line = met.at.line if isinstance(met.at, s.Import) else 0
            at = f"line {line}" if line else "its import"
            return f"`{path}` has bound `{name}` at {at}, before `{mock.target}` is replaced"
        return f"`{path}` looks up `{looked_up[0].binding.name}` in {_place(looked_up[0])}, which is not replaced"


def _meets(mock: Mock, looked_up: list[Read]) -> bool:
    return any(read.binding in mock.bindings for read in looked_up)


def _why_effective(unit: Unit, node: s.Call, mock: Mock, read: Read) -> str:
    if read.at is None:
        return (
            f"the call looks up `{read.binding.name}` in {_place(read)} each time, and `{mock.target}` is replaced then"
        )
    line = f" (line {read.at.line})" if isinstance(read.at, s.Import) else ""
    return f"`{unit.module.path}` is imported{line} while `{mock.target}` is replaced"


def _place(read: Read) -> str:
    owner = read.binding.owner
    return f"`{owner}`" if owner else "`sys.modules`"


def _clients(engine: Engine, binding: Binding) -> list[str]:
    """The clients that a name stands for."""
    if binding.kind == "library":
        client = engine.catalogue.client_named(f"{binding.owner}.{binding.name}")
        return [client.name] if client is not None else []
    if binding.kind == "class":
        place = field_of(engine, binding)
        values = place.values if place is not None else ()
        return sorted({value.site.client.name for value in values if isinstance(value, ClientObject)})
    module = engine.modules.get(binding.owner) if binding.kind == "module" else None
    if module is None or binding.name not in module.top.places:
        return []
    return sorted(
        value.client.name for value in module.top.places[binding.name].values if isinstance(value, ClientType)
    )


def field_of(engine: Engine, binding: Binding) -> Place | None:
    """The place that the objects of a class have under a name."""
    path, _, qualname = binding.owner.rpartition(":")
    module = engine.modules.get(path)
    scope = next((each for each in module.classes if each.qualname == qualname), None) if module else None
    return scope.fields.get(binding.name) if scope is not None else None


def holds_client(engine: Engine, binding: Binding) -> bool:
    """Whether the objects of a class keep clients under a name."""
    return bool(_clients(engine, binding))


def _provided(engine: Engine, unit: Unit, node: s.Call) -> list[Read]:
    """What `Depends(get_producer)` depends on: whether the application overrides that function."""
    if words(node.function).rpartition(".")[2] not in DEPENDENCIES or not node.arguments:
        return []
    return [Read(binding, None) for binding in overridden(engine, unit, node.arguments[0].value)]


def overridden(engine: Engine, unit: Unit, provider: s.Expr) -> list[Binding]:
    """The names under which a dependency is overridden: the functions that the expression can be."""
    from kafka_audit.link.flow.values import FunctionValue

    units = [value.unit for value in engine.look(unit, provider) if isinstance(value, FunctionValue)]
    return sorted(Binding("override", each.module.path, each.qualname) for each in units)

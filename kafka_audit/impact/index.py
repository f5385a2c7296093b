"""What a program's clients, calls and bodies are asked for again and again, looked up once per program."""

from __future__ import annotations

from kafka_audit.impact import acts
from kafka_audit.link.context import context_of
from kafka_audit.link.engine import Event, Node
from kafka_audit.link.lives import Life
from kafka_audit.link.program import Program
from kafka_audit.link.scopes import Unit
from kafka_audit.link.values import ClientObject


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
        self._acts: dict[Unit, tuple[acts.Act, ...]] = {}
        self.interesting = self._find_interesting(program)

    def acts(self, unit: Unit) -> tuple[acts.Act, ...]:
        """The acts of a body."""
        found = self._acts.get(unit)
        if found is None:
            found = self._acts[unit] = acts.acts_of(unit)
        return found

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

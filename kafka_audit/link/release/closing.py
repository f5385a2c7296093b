"""Containers of dependencies: which of them use a provider, and whether anything closes them?

A container is said to stay open only when that is certain: none that is handed to code which cannot be seen, and none
of which a call on an unknown object may be the closing.
"""

from __future__ import annotations

from kafka_audit.catalog.hosts import container_of
from kafka_audit.catalog.schema import DependencyContainer
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Node, Registration
from kafka_audit.link.flow.externals import FOLLOWED
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import External, Instance, Made
from kafka_audit.link.reach.entries import Reach
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.release.discharge import Discharge

Container = Made | ClassScope
"""A dependency container: the call that makes it, or the class of the project that is one."""


class Closing:
    """Answers for one program."""

    def __init__(self, engine: Engine, reach: Reach, discharge: Discharge) -> None:
        self.engine, self.reach, self.discharge = engine, reach, discharge
        self._given: dict[Made, list[Instance | Made]] = {}
        for escape in engine.escapes.values():
            host = engine.hosting.made.get(escape.node)
            if host is not None and isinstance(escape.value, Instance):
                self._given.setdefault(host, []).append(escape.value)
        for given, node in engine.hosting.passed:
            host = engine.hosting.made.get(node)
            if host is not None:
                self._given.setdefault(host, []).append(given)
        self._closed: dict[Container, bool] = {}

    def of(self, registration: Registration) -> list[Container]:
        """The containers that call a provider: those that its class, or what it is registered with, is given to."""
        if registration.host is not None:
            if container_of(registration.host.name):
                return [registration.host]
            return [host for host, given in self._given.items() if registration.host in given]
        scope = registration.unit.scope
        if scope is None:
            return self._related(registration.unit, registration.target.partition(".")[0])
        line = ancestry(self.engine, scope)
        if any(isinstance(base, str) and container_of(base) for base in line):
            return [scope]
        return [
            host
            for host, given in self._given.items()
            if any(isinstance(each, Instance) and scope in ancestry(self.engine, each.scope) for each in given)
        ]

    def _related(self, unit: Unit, library: str) -> list[Container]:
        """The one container of a library in the files around a provider that is found by looking for it."""
        group = self.engine.related.group
        found: list[Container] = [
            host
            for host in self.engine.hosting.made.values()
            if container_of(host.name)
            and host.name.partition(".")[0] == library
            and group(host.unit.module.path) == group(unit.module.path)
        ]
        return found if len(found) == 1 else []

    def is_closed(self, container: Container) -> bool:
        """Whether something closes the container, or may."""
        if container not in self._closed:
            self._closed[container] = self._is_closed(container) or not self.is_used(container)
        return self._closed[container]

    def _is_closed(self, container: Container) -> bool:
        unit, row, group = unit_of(container), self._row(container), self.engine.related.group
        here = group(unit.module.path)
        for (dotted, made, _), closer in self.engine.hosting.closings.items():
            is_same = made is container or (made is None and group(closer.module.path) == here)
            if is_same and _belongs(dotted, row) and self._runs(closer, unit):
                return True
        if isinstance(container, ClassScope):
            return self._may_be_closed(set(), row, here)
        targets = self._targets(container)
        kept_as = {row.kept_as} if not targets.isdisjoint(row.setups) else set()
        handed_on = any(_takes_over(target, row) for target in targets)
        return handed_on or self._may_be_closed(self._names(container) | kept_as, row, here)

    def is_used(self, container: Container) -> bool:
        """Whether the application uses it: a library may leave that to its users."""
        if isinstance(container, ClassScope):
            return self._is_class_used(container)
        is_set_up = not self._targets(container).isdisjoint(self._row(container).setups)
        return is_set_up or any(entry.kind != "api" for entry in self.reach.entries(container.unit, tests=False))

    def _targets(self, container: Made) -> set[str]:
        """The functions of other libraries, and unknown ones, that are given the container."""
        return {passed.target for (made, _), passed in self.engine.hosting.passed.items() if made is container}

    def _row(self, container: Container) -> DependencyContainer:
        names = [container.name] if isinstance(container, Made) else ancestry(self.engine, container)
        return next(row for name in names if isinstance(name, str) and (row := container_of(name)) is not None)

    def _names(self, container: Made) -> set[str]:
        """The names by which the code knows the container."""
        return {
            place.name
            for place in self.engine.all_places()
            for value in place.values
            if isinstance(value, External) and value.made is container
        }

    def _may_be_closed(self, names: set[str], row: DependencyContainer, group: str) -> bool:
        """Whether a call on an unknown object may close it: of the same name, or of a method that others have not."""
        return any(
            self.engine.related.group(unit.module.path) == group and (receiver in names or method != "close")
            for receiver, calls in self.engine.loose.items()
            for node, unit in calls.items()
            if (method := _method(node)) in row.closes
        )

    def _is_class_used(self, scope: ClassScope) -> bool:
        """Whether application code uses the class, as itself or by an object."""
        made = (
            value.origin.unit
            for value in self.engine.values()
            if isinstance(value, Instance) and value.origin and scope in ancestry(self.engine, value.scope)
        )
        if any(context_of(unit.module.path) != "test" for unit in made):
            return True
        own = self.engine.class_value(scope)
        elsewhere = (
            place.owner
            for place in self.engine.all_places()
            if place.kind == "module" and own in place.values and isinstance(place.owner, Unit)
        )
        imported = any(u.module is not scope.module and context_of(u.module.path) != "test" for u in elsewhere)
        return imported or any(edge.guarded for edge in self.reach.outgoing.get(scope.module.top, ()))

    def _runs(self, closer: Unit, maker: Unit) -> bool:
        """Whether control gets to the closing: from an entry that counts, or from whoever makes the container."""
        goes_along = closer in self.reach.callers(maker) or maker in self.reach.callers(closer)
        return goes_along or self.is_entered(closer)

    def is_entered(self, unit: Unit) -> bool:
        """Whether control gets to a function by an entry that counts: not by a hook that never runs."""
        return any(
            entry.kind != "api" and (entry.registration is None or not self.discharge.hosts.unmet(entry.registration))
            for entry in self.reach.entries(unit, tests=False)
        )


def unit_of(container: Container) -> Unit:
    """Where a container is made, or the body of the class that is one."""
    return container.unit if isinstance(container, Made) else container.body


def _method(node: Node) -> str:
    function = node.function if isinstance(node, s.Call) else None
    return function.name if isinstance(function, s.Attribute) else ""


def _belongs(dotted: str, row: DependencyContainer) -> bool:
    return dotted.partition(".")[0] in {name.partition(".")[0] for name in row.makers} or f".{row.kept_as}." in dotted


def _takes_over(target: str, row: DependencyContainer) -> bool:
    """Whether what the container is given to closes it, or may."""
    if target in row.setups:
        return target in row.closed_by
    return target.partition(".")[0] not in FOLLOWED

"""The objects that hooks hang on, applications and routers: does anything run the hooks that they are given?

A hook is called dead only when that is certain. Of a router that other code may include, or an application that may
also be served by itself, nothing is said.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from kafka_audit.catalog.hooks import registered
from kafka_audit.catalog.hosts import APPLICATIONS, MOUNTS, host_named
from kafka_audit.catalog.schema import Need
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Registration
from kafka_audit.link.flow.values import External, Made, Passed, Place, Text
from kafka_audit.link.reading.context import context_of

LENDS = (".lifespan", ".router.startup", ".router.shutdown")
"""Attributes by which other code can run an application's hooks itself: `inner.router.lifespan_context`."""


class Hosts:
    """Answers for one program."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._passed: dict[Made, list[Passed]] = {}
        for (host, _), passed in engine.hosting.passed.items():
            if context_of(passed.unit.module.path) != "test":
                self._passed.setdefault(host, []).append(passed)
        self._places: dict[Made, list[Place]] = {}
        for place in engine.all_places():
            for value in place.values:
                if isinstance(value, External) and value.made is not None and host_named(value.dotted[:-2]):
                    self._places.setdefault(value.made, []).append(place)
        self._lending = {
            value.made
            for value in engine.values()
            if isinstance(value, External) and value.made is not None and any(name in value.dotted for name in LENDS)
        }
        self._unmet: dict[int, Need | None] = {}

    def unmet(self, registration: Registration) -> Need | None:
        """What the hook needs of its host and certainly has not; None when it may well run."""
        if id(registration) not in self._unmet:
            self._unmet[id(registration)] = self._missing(registration)
        return self._unmet[id(registration)]

    def _missing(self, registration: Registration) -> Need | None:
        rows = registered(registration.target, registration.select)
        needs = [need for need in rows[0].needs if all(need in row.needs for row in rows)] if rows else []
        if "no lifespan" in needs and self._has_lifespan(registration):
            return "no lifespan"
        if registration.host is None:
            return None
        if "unmounted" in needs and self._is_only_mounted(registration.host):
            return "unmounted"
        return "included" if "included" in needs and self._is_included_nowhere(registration.host) else None

    def _has_lifespan(self, registration: Registration) -> bool:
        """Whether the application was given a lifespan; of an unknown one, whether all in the file were."""
        if registration.host is not None:
            given = _is_given(registration.host.argument("lifespan"))
            return given or registration.host in self.engine.hosting.replaced
        name = registration.target.partition("()")[0]
        made = [host for host in self._of(name) if host.unit.module is registration.unit.module]
        return bool(made) and all(_is_given(host.argument("lifespan")) for host in made)

    def _of(self, *names: str) -> Iterable[Made]:
        return (host for host in self.engine.hosting.made.values() if host.name in names)

    def _is_only_mounted(self, host: Made) -> bool:
        """Whether the application is mounted in another one, neither served by itself nor asked for its lifespan."""
        passed = self._passed.get(host, [])
        mounted = [each for each in passed if each.target in MOUNTS and each.dotted.endswith("()")]
        if not mounted or len(mounted) < len(passed) or host in self._lending:
            return False
        names = {(_stem(host.unit.module.path), place.name) for place in self._places.get(host, ())}
        return not any(isinstance(text, Text) and _address(text.text) in names for text in self.engine.values())

    def _is_included_nowhere(self, host: Made) -> bool:
        """Whether no application of the project includes the router, though there is one that could."""
        group = self.engine.related.group
        here = group(host.unit.module.path)
        applications = (
            each
            for each in self._of(*APPLICATIONS)
            if each.name.partition(".")[0] == host.name.partition(".")[0]
            and context_of(each.unit.module.path) == "app"
            and group(each.unit.module.path) == here
        )
        named = all(place.kind in {"module", "local"} for place in self._places.get(host, ()))
        blind = any(group(unit.module.path) == here for unit in self.engine.hosting.blind.values())
        return named and not blind and host not in self._passed and any(applications)


def _is_given(argument: s.Expr | None) -> bool:
    """Whether an argument certainly is something else than None."""
    return isinstance(argument, s.Name | s.Attribute | s.Call | s.Lambda)


def _stem(path: str) -> str:
    pure = PurePosixPath(path)
    return pure.parent.name if pure.stem == "__init__" else pure.stem


def _address(text: str) -> tuple[str, str]:
    """The module's last name and the object of `package.module:object`, as servers are told of an application."""
    module, _, name = text.partition(":")
    return (module.rpartition(".")[2], name)

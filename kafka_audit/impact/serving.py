"""What runs when a test starts an application or sends it a request: hooks, handlers and what they depend on.

Applications and routers are known object by object (`link/flow/hosting.py`), and so is what was registered with each.
Which handler answers is read off the paths: that of the request, as far as it is written there, and that of the route
with the prefixes of the routers around it, as far as these are known, have to end in the same parts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kafka_audit.catalog.driving import FAMILIES, MIDDLEWARE, PREFIXES, REQUESTS, ROUTES, driven_by, driver_named
from kafka_audit.catalog.hooks import registered
from kafka_audit.catalog.hosts import APPLICATIONS, DEPENDENCIES, INCLUDES, MOUNTS
from kafka_audit.catalog.schema import Driver, Phase
from kafka_audit.facts import schema as s
from kafka_audit.impact.constants import bound_to, texts
from kafka_audit.link.flow.engine import Engine, Registration
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import External, Made
from kafka_audit.link.reach.hosts import Hosts
from kafka_audit.link.reading.walk import inside
from kafka_audit.link.reading.words import words

_TAKES = INCLUDES | {"add_routes", "add_subapp"}
"""Methods by which an application takes in the handlers of something else."""

_BROAD = frozenset({"api_route", "add_api_route", "add_route", "add_url_rule", "add_view", "endpoint", "route", "view"})
"""Last names of registrations that say elsewhere, or not at all, which methods they are for."""


class Hooked(NamedTuple):
    """A hook of an application and when it runs."""

    unit: Unit
    phase: Phase


class Part(NamedTuple):
    """An application, or what one includes: `prefix` stands before its paths, None when that is not known."""

    host: Made
    prefix: str | None
    is_mounted: bool


@dataclass(frozen=True, slots=True)
class Route:
    """A handler with the path that it answers; None when that is not known. `is_whole` says that nothing else stands
    before the path."""

    unit: Unit
    registration: Registration
    method: str
    path: str | None
    is_whole: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A call that sends a request. Parts of the path that are not known are None; it is None as a whole if all are."""

    method: str
    path: tuple[str | None, ...] | None


class Serving:
    """The applications of one program, and what is registered with them."""

    def __init__(self, engine: Engine, hosts: Hosts) -> None:
        self._engine = engine
        self._hosts = hosts
        self._by_host: dict[Made | None, list[tuple[Unit, Registration]]] = {}
        for unit, found in engine.registrations.items():
            known = {(each.target, each.line) for each in found.values() if each.host is not None}
            for each in found.values():
                if each.host is not None or (each.target, each.line) not in known:
                    self._by_host.setdefault(each.host, []).append((unit, each))
        self.is_idle = not any(host is not None for host in self._by_host)
        self._children = self._find_children() if not self.is_idle else {}
        self._parts: dict[Made, list[Part]] = {}

    def driven(self, unit: Unit, expression: s.Expr) -> list[tuple[Driver, Made]]:
        """The drivers that an expression can be, with the applications that they run."""
        found = (value for value in self._engine.look(unit, expression) if isinstance(value, External))
        return [
            (driver, value.made)
            for value in sorted(found, key=lambda value: value.dotted)
            if value.made is not None
            if (driver := driver_named(value.dotted.removesuffix("()"))) is not None
        ]

    def requested(self, unit: Unit, node: s.Call) -> list[tuple[Driver, Made]]:
        """The drivers, with their applications, that a call sends a request by."""
        if not isinstance(node.function, s.Attribute) or node.function.name not in REQUESTS:
            return []
        found = (value for value in self._engine.look(unit, node.function) if isinstance(value, External))
        return [
            (driver, value.made)
            for value in sorted(found, key=lambda value: value.dotted)
            if value.made is not None
            if (driver := driven_by(value.dotted)) is not None and driver.serves
        ]

    # Hooks.

    def hooks(self, application: Made) -> list[Hooked]:
        """What runs around the life of an application, in the order of its registration."""
        found: dict[Hooked, None] = {}
        for part in self._of(application):
            if part.is_mounted:
                continue
            for unit, registration in self._by_host.get(part.host, ()):
                rows = registered(registration.target, registration.select)
                if rows and rows[0].scope in {"app", "worker"} and self._hosts.unmet(registration) is None:
                    found.setdefault(Hooked(unit, rows[0].phase))
        return list(found)

    def around_requests(self, application: Made) -> list[Hooked]:
        """What runs with each request, whatever handler answers it."""
        found: dict[Hooked, None] = {}
        for part in self._of(application):
            for unit, registration in self._by_host.get(part.host, ()):
                rows = registered(registration.target, registration.select)
                if rows and rows[0].scope == "request":
                    found.setdefault(Hooked(unit, rows[0].phase))
                elif _last(registration.target) in MIDDLEWARE:
                    found.setdefault(Hooked(unit, "startup"))
        return list(found)

    # Handlers.

    def handlers(self, application: Made, request: Request) -> tuple[list[Route], bool]:
        """The handlers that may answer, and whether it is certain that they do."""
        routes = [route for part in self._of(application) for route in self._routes(part)]
        routes += [each for each in self._loose(application) if each.unit not in {route.unit for route in routes}]
        fitting = [route for route in routes if not request.method or route.method in {"", request.method}]
        if request.path is None or all(part is None for part in request.path):
            return fitting, False
        scored = [(score, route) for route in fitting if (score := _score(request.path, route)) is not None]
        best = max((score for score, _ in scored), default=0)
        return [route for score, route in scored if score == best], best > 0

    def provided(self, route: Route) -> list[tuple[Unit, s.Call]]:
        """The calls that say what a handler depends on, its own first, then those of its routers."""
        found = list(providers(route.unit))
        host = route.registration.host
        for at, call in ((route.registration.unit, route.registration.node), (host.unit, host.node) if host else _NONE):
            if at is not None and isinstance(call, s.Call):
                given = [each.value for each in call.arguments if each.keyword == "dependencies"]
                found += [(at, part) for value in given for part in inside(value) if _is_provider(part)]  # type: ignore[misc]
        function = route.unit.function
        for decorator in function.decorators if function is not None else ():
            arguments = decorator.arguments if isinstance(decorator, s.Call) else ()
            given = [each.value for each in arguments if each.keyword == "dependencies"]
            found += [(route.registration.unit, p) for value in given for p in inside(value) if _is_provider(p)]  # type: ignore[misc]
        return found

    def _routes(self, part: Part) -> Iterator[Route]:
        for unit, registration in self._by_host.get(part.host, ()):
            if _last(registration.target) in ROUTES:
                path = _path(registration)
                is_whole = part.prefix is not None and path is not None
                whole = _join(part.prefix, path) if is_whole else path
                yield Route(unit, registration, _method(registration), whole, is_whole)

    def _loose(self, application: Made) -> Iterator[Route]:
        """What a library of the application's was given as a handler, with no word of the application: `web.get`."""
        for unit, registration in self._by_host.get(None, ()):
            if _family(registration.target) == _family(application.name) and _last(registration.target) in ROUTES:
                yield Route(unit, registration, _method(registration), _path(registration))

    # What applications are made of.

    def _of(self, application: Made) -> list[Part]:
        """The application and what it includes, each once."""
        if application not in self._parts:
            found: dict[Made, Part] = {}
            waiting = [Part(application, _own_prefix(application), False)]
            while waiting:
                part = waiting.pop(0)
                if part.host not in found:
                    found[part.host] = part
                    for child, prefix, is_mounted in self._children.get(part.host, ()):
                        inner = _join(_join(part.prefix, prefix), _own_prefix(child))
                        waiting.append(Part(child, inner, is_mounted or part.is_mounted))
            self._parts[application] = list(found.values())
        return self._parts[application]

    def _find_children(self) -> dict[Made, list[tuple[Made, str | None, bool]]]:
        """What each application or router includes, by statements that name it or that take all there are."""
        found: dict[Made, list[tuple[Made, str | None, bool]]] = {}
        taken: set[Made] = set()
        for (child, node), passed in self._engine.hosting.passed.items():
            is_mounted = passed.target in MOUNTS
            if is_mounted or _last(passed.target) in _TAKES:
                taken.add(child)
                for parent in self._made(passed.unit, node.function):
                    found.setdefault(parent, []).append((child, _prefix_given(passed.unit, node), is_mounted))
        loose = [each for each in self._by_host if each is not None and each.name not in APPLICATIONS]
        for node, unit in self._engine.hosting.blind.items():
            for parent in self._made(unit, node.function):
                for child in loose:
                    if child not in taken and child is not parent and _family(child.name) == _family(parent.name):
                        found.setdefault(parent, []).append((child, _prefix_given(unit, node), False))
        return found

    def _made(self, unit: Unit, expression: s.Expr) -> Iterator[Made]:
        """The applications and routers that an expression can be, or be an attribute of."""
        for value in self._engine.look(unit, expression):
            if isinstance(value, External) and value.made is not None:
                yield value.made


_NONE: tuple[None, None] = (None, None)


def providers(unit: Unit) -> Iterator[tuple[Unit, s.Call]]:
    """The calls that say what a function's parameters depend on, each with the unit that it stands in."""
    outer = unit.parent or unit
    for parameter in unit.node.parameters if isinstance(unit.node, s.Function | s.Lambda) else ():
        for expression in (parameter.default, parameter.annotation):
            if expression is not None:
                yield from _named_providers(outer, expression)


def _named_providers(unit: Unit, expression: s.Expr) -> Iterator[tuple[Unit, s.Call]]:
    """The providers in an expression, or in what a name in it is bound to: `Producer = Annotated[..., Depends(f)]`."""
    for part in inside(expression):
        if _is_provider(part):
            yield unit, part  # type: ignore[misc]
    if isinstance(expression, s.Name):
        for at, value in bound_to(unit, expression.id):
            if not isinstance(value, s.Name):
                yield from _named_providers(at, value)


def _is_provider(part: s.Expr) -> bool:
    return isinstance(part, s.Call) and bool(part.arguments) and _last(words(part.function)) in DEPENDENCIES


def base_of(unit: Unit, node: s.Call) -> tuple[str | None, ...]:
    """The path that a client puts before those of its requests: `AsyncClient(base_url="http://test/api")`."""
    given = next((argument.value for argument in node.arguments if argument.keyword == "base_url"), None)
    return _segments(unit, given) or () if given is not None else ()


def request_of(unit: Unit, node: s.Call, base: tuple[str | None, ...]) -> Request:
    """What a call that sends a request asks for; `base` stands before its path unless that is a whole address."""
    method = node.function.name if isinstance(node.function, s.Attribute) else ""
    given = [argument.value for argument in node.arguments if argument.keyword is None and not argument.star]
    named = {argument.keyword: argument.value for argument in node.arguments}
    if method in {"request", "stream"}:
        method = next(iter(texts(unit, given[0])), "").lower() if given else ""
        given = given[1:]
    elif method == "open":
        method = next(iter(texts(unit, named["method"])), "").lower() if "method" in named else "get"
    elif "websocket" in method or "ws" in method:
        method = "websocket"
    target = given[0] if given else named.get("url") or named.get("path") or named.get("uri")
    found = _segments(unit, target) if target is not None else None
    return Request(method, (*base, *found) if found is not None else None)


def _segments(unit: Unit, expression: s.Expr) -> tuple[str | None, ...] | None:
    """The parts of a request's path, those that are not known as None."""
    found = texts(unit, expression)
    if len(found) == 1:
        return _split(found[0])
    if not isinstance(expression, s.Joined):
        return None
    known = [
        next(iter(texts(unit, part)), None) if isinstance(part, s.Constant | s.Name) else None
        for part in expression.parts
    ]
    return _split("".join("\0" if part is None else part for part in known))


def _split(path: str) -> tuple[str | None, ...]:
    path = re.sub(r"^[a-z]+://[^/]*", "", path).partition("?")[0]
    return tuple(None if "\0" in part else part for part in path.strip("/").split("/") if part)


def _score(asked: tuple[str | None, ...], route: Route) -> int | None:
    """How well a route fits what is asked for: the more parts are the same by name the better, and best if no part is
    left over; None when it does not fit. A path that is not known fits least."""
    if route.path is None:
        return 0
    parts = [part for part in route.path.strip("/").split("/") if part]
    if parts and _takes_rest(parts[-1]):
        parts = parts[:-1]
        asked = asked[: len(parts)]
    if len(parts) > len(asked) or (route.is_whole and len(parts) < len(asked)):
        return None
    pairs = list(zip(parts, asked[len(asked) - len(parts) :], strict=True))
    if any(own != part and part is not None and not _is_variable(own) for own, part in pairs):
        return None
    same = sum(own == part for own, part in pairs)
    if len(parts) == len(asked):
        return 2 + 2 * same
    return 1 + 2 * same if same else 0  # a prefix that is not known may stand before the route


def _is_variable(part: str) -> bool:
    return part.startswith(("{", "<", ":"))


def _takes_rest(part: str) -> bool:
    """Whether a variable stands for any number of parts: `{rest:path}`, `<path:rest>`, `{rest:.*}`."""
    return _is_variable(part) and ("path:" in part or ":path" in part or ".*" in part)


def _path(registration: Registration) -> str | None:
    """The path that a handler is registered for."""
    node = registration.node
    if isinstance(node, s.Call):
        given = (a.value.value for a in node.arguments if isinstance(a.value, s.Constant))
        return next((text for text in given if isinstance(text, str) and text.startswith("/")), None)
    return registration.select if not registration.select or registration.select.startswith("/") else None


def _method(registration: Registration) -> str:
    last = _last(registration.target)
    if last in _BROAD or last == "Route":
        return ""
    return "websocket" if "websocket" in last.lower() else last.removeprefix("add_")


def _own_prefix(host: Made) -> str | None:
    return _prefix_given(host.unit, host.node)


def _prefix_given(unit: Unit, node: s.Call) -> str | None:
    """What a router, or its inclusion, says that stands before its paths; None when that cannot be read."""
    for argument in node.arguments:
        if argument.keyword in PREFIXES:
            found = texts(unit, argument.value)
            return found[0] if len(found) == 1 else None
        text = argument.value.value if isinstance(argument.value, s.Constant) else None
        if argument.keyword is None and isinstance(text, str) and text.startswith("/"):
            return text  # `app.mount("/inner", inner)`, `app.add_subapp("/inner", inner)`
    return ""


def _join(prefix: str | None, rest: str | None) -> str | None:
    return None if prefix is None or rest is None else f"{prefix.rstrip('/')}/{rest.lstrip('/')}" if rest else prefix


def _last(target: str) -> str:
    return target.rpartition(".")[2]


def _family(target: str) -> str:
    root = target.partition(".")[0]
    return FAMILIES.get(root, root)

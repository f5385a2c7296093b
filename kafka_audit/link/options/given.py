"""Which options does a constructor get, and which of them does it not accept?"""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from kafka_audit.catalog.options import (
    DISTRIBUTIONS,
    HIDDEN,
    POSITIONAL,
    REMARKS,
    SAME,
    SHAPES,
    Accepted,
    accepted,
)
from kafka_audit.catalog.schema import Note
from kafka_audit.catalog.values import CONFLICTS, KEYWORDS, Conflict, objection
from kafka_audit.discover.versions import Declarations, Declared
from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import ClassScope, Unit, once
from kafka_audit.link.flow.values import BoundMethod, ClassValue, ClientType, FunctionValue, Site
from kafka_audit.link.lives.life import Life
from kafka_audit.link.options.dicts import Dicts
from kafka_audit.link.options.judged import Judged, is_at_least, judged
from kafka_audit.link.options.known import Entry, Known
from kafka_audit.link.reading.walk import child_bodies, expressions, inside, statements

SPLITS = frozenset({"split", "rsplit", "splitlines"})
"""Methods of text whose result is a list."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a constructor is given: its options, arguments by position, and whether there may be more."""

    known: Known
    positional: tuple[s.Expr, ...] = ()


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that a constructor is given and does not accept, or accepts and cannot work with.

    `kind` is `name` for an option that it does not have, `value` for one whose value is wrong, `position` for an
    argument without a name. `right` is the right name, certain when `is_sure`. `why` and `remark` are words. `raises`
    is whether the constructor raises; `always` whether it does so whenever it runs, in every version that can be meant.
    """

    kind: Literal["name", "value", "position"]
    entry: Entry
    judged: Judged
    why: str = ""
    right: str = ""
    is_sure: bool = False
    remark: str = ""
    raises: bool = True
    always: bool = False


class Configured:
    """Answers for one solved engine and the versions that its project declares."""

    def __init__(self, engine: Engine, declarations: Declarations) -> None:
        self.engine, self.declarations, self.dicts = engine, declarations, Dicts(engine)
        self._misfits: dict[s.Call, list[Misfit]] = {}

    def misfits(self, life: Life) -> list[Misfit]:
        """What is wrong with the options of a client, in the order of the code."""
        node = life.site.node
        if node not in self._misfits:
            found = [] if self._is_expected(life.site) else list(self._checked(life.site))
            self._misfits[node] = sorted(found, key=lambda each: (each.entry.line, each.entry.name))
        return self._misfits[node]

    def never_made(self, life: Life) -> bool:
        """Whether the constructor raises each time that it runs: there never is such a client."""
        return any(misfit.always for misfit in self.misfits(life))

    def constant(self, entry: Entry) -> object:
        """The constant that an option is given; an object that equals nothing when it is none, or not known."""
        value, _ = self._value(entry) if entry.value is not None else (_UNKNOWN, "")
        return value

    def judged(self, site: Site) -> Judged | None:
        """The versions that the options of this client are judged by."""
        names = DISTRIBUTIONS.get(site.client.distribution, (site.client.distribution,))
        return judged(site.client, self.declarations.of(site.unit.module.path, names))

    def lacks(self, life: Life, method: str) -> tuple[Note, Declared] | None:
        """What the declared version of the library does not have yet: a method, `with`; None when that is not known."""
        names = DISTRIBUTIONS.get(life.site.client.distribution, (life.site.client.distribution,))
        declared = self.declarations.of(life.site.unit.module.path, names)
        note = next((note for note in life.site.client.notes if note.name == method and note.since), None)
        if note is None or not declared or any(is_at_least(each, note.since) for each in declared):
            return None
        return note, declared[0]

    def options(self, site: Site) -> Options | None:
        """What the constructor of a client is given; None when the call is not the constructor's own."""
        if not self._is_plain(site):
            return None
        shape, own = SHAPES.get(site.client.name), self._own_arguments(site)
        known, positional = Known(), list[s.Expr]()
        for argument in site.node.arguments:
            is_dict = argument.star == "**" or (shape is not None and self._is_mapping(site, argument, positional))
            if is_dict:
                given = self.dicts.of(site.unit, argument.value, site.node)
                known = known.merged(given) if shape else known.joined(given)
            elif argument.star == "*":
                known = known.merged(Known((), False)) if shape else known
            elif argument.keyword is None:
                positional.append(argument.value)
            elif argument.keyword not in own:
                entry = Entry(argument.keyword, argument.value, site.unit, argument.line)
                known = known.with_entry(entry)
            if is_dict and argument.star != "**" and argument.keyword is None:
                positional.append(argument.value)
        return Options(known, tuple(positional))

    def _is_mapping(self, site: Site, argument: s.Argument, positional: Sequence[s.Expr]) -> bool:
        """Whether an argument is the dict of properties: the first one, or that of its name."""
        shape = SHAPES[site.client.name]
        if argument.star:
            return False
        if argument.keyword is not None:
            return bool(shape.mapping) and argument.keyword == shape.mapping
        return not positional

    def _own_arguments(self, site: Site) -> set[str]:
        """Named arguments of a constructor with properties that are none."""
        facts = accepted(site.client.distribution)
        if site.client.name not in SHAPES or facts is None:
            return set()
        return set(facts.arguments.get(site.client.name, {}))

    def _is_plain(self, site: Site) -> bool:
        """Whether the call is one of this client's class alone, and its arguments reach the constructor unchanged."""
        callees = [v for v in self.engine.look(site.unit, site.node.function) if isinstance(v, ClientType | ClassValue)]
        if len(callees) != 1:
            return False
        if isinstance(callees[0], ClientType):
            return callees[0].client is site.client
        for base in ancestry(self.engine, callees[0].scope):
            if not isinstance(base, ClassScope):
                return base is site.client
            if "__init__" in base.methods or "__new__" in base.methods or base.node.decorators:
                return False
        return False

    def _is_expected(self, site: Site) -> bool:
        """Whether the code around expects the constructor to fail: it tries another one then, or a test wants it."""
        for statement in _around(site.unit).get(site.node, ()):
            handlers = statement.handlers if isinstance(statement, s.Try) else ()
            if any(self._makes_another(handler.body, site.node) for handler in handlers):
                return True
            if isinstance(statement, s.With) and any(_raises(item.value) for item in statement.items):
                return True
        return False

    def _makes_another(self, body: s.Body, site: s.Call) -> bool:
        return any(part in self._made and part is not site for part in _parts(body))

    @functools.cached_property
    def _made(self) -> frozenset[object]:
        """The calls that make clients."""
        return frozenset(site.node for site in self.engine.sites.values())

    # The checks.

    def _checked(self, site: Site) -> Iterator[Misfit]:
        options = self.options(site)
        if options is None:
            return
        verdict = self.judged(site)
        if verdict is None:
            return
        is_bare = site.client.name in SHAPES and not site.node.arguments
        if is_bare or (options.positional and self._is_none(site, options.positional[0])):
            bare = Entry("1", None, site.unit, site.node.at[0])
            yield Misfit("value", bare, verdict, why="it needs a dict of properties", always=True)
            return
        yield from self._by_position(site, options, verdict)
        for entry in options.known.entries:
            misfit = self._by_name(site, entry, verdict) or self._by_value(site, entry, verdict)
            if misfit is not None:
                yield misfit
        yield from self._together(site, options.known, verdict)

    def _is_none(self, site: Site, value: s.Expr) -> bool:
        """Whether None is given where the dict of properties belongs."""
        constant = self.dicts.constant(site.unit, value) if site.client.name in SHAPES else None
        return isinstance(constant, s.Constant) and constant.value is None

    def _by_position(self, site: Site, options: Options, verdict: Judged) -> Iterator[Misfit]:
        """Arguments without a name, where the constructor takes none, or none of that kind."""
        name, line = site.client.name, site.node.at[0]
        for index, value in enumerate(options.positional):
            why = ""
            if name in SHAPES:
                is_text = isinstance(self.dicts.constant(site.unit, value), s.Constant)
                why = "its first argument is a dict of properties" if index == 0 and is_text else ""
            elif name not in POSITIONAL:
                why = "it takes named arguments only"
            elif isinstance(self.dicts.constant(site.unit, value), s.Sequence | s.Mapping):
                is_tuple = isinstance(value, s.Sequence) and value.kind == "tuple"
                why = "" if is_tuple else "each topic is an argument of its own: `*topics`"
            if why:
                entry = Entry(str(index + 1), value, site.unit, line)
                yield Misfit("position", entry, verdict, why=why, always=True)

    def _by_name(self, site: Site, entry: Entry, verdict: Judged) -> Misfit | None:
        if site.client.distribution == "confluent-kafka" and entry.name.startswith(_hidden(site)):
            return None
        if not verdict.rejects(entry.name) or not (entry.is_certain or verdict.never_had(entry.name)):
            return None
        right, is_sure = _right_name(entry.name, verdict)
        remark = REMARKS.get(verdict.distribution, {}).get(entry.name, "") if not (right and is_sure) else ""
        return Misfit(
            "name",
            entry,
            verdict,
            right=right if is_sure or not remark else "",
            is_sure=is_sure,
            remark=remark,
            always=entry.is_certain and verdict.always_rejects(entry.name),
        )

    def _by_value(self, site: Site, entry: Entry, verdict: Judged) -> Misfit | None:
        if entry.value is None:
            return None
        value, other = self._value(entry)
        if value is _UNKNOWN and not other:
            return None
        why, raises = self._objection(site, entry.name, None if other else value, other, verdict.facts)
        if not why:
            return None
        return Misfit("value", entry, verdict, why=why, raises=raises, always=raises and entry.is_certain)

    def _objection(self, site: Site, name: str, value: object, other: str, facts: Accepted) -> tuple[str, bool]:
        """Why a value is wrong, empty when it is not, and whether the constructor raises."""
        known = facts.properties.get(name)
        if site.client.name in SHAPES:
            if known is not None:
                why = objection(name, known, value, other)  # type: ignore[arg-type]  # what a literal can be
                return why, known.kind not in {"string", "pattern list"} or not other
            is_call = name.startswith("on_") or name.endswith("_cb")
            return ("it takes a function", True) if is_call and other != "function" else ("", False)
        for row in KEYWORDS:
            if row.client == site.client.name and row.name == name:
                is_allowed = not other and any(value == each for each in row.allowed)
                return ("", False) if is_allowed or other == "function" else (row.effect, row.raises)
        return "", False

    def _value(self, entry: Entry) -> tuple[object, str]:
        """The constant that an option is given, or the kind of object that it is when it is none."""
        expression = self.dicts.constant(entry.unit, entry.value)
        match expression:
            case s.Constant(value):
                return value, ""
            case s.Sequence(kind):
                return _UNKNOWN, kind
            case s.Mapping() | s.Comprehension(kind="dict"):
                return _UNKNOWN, "dict"
            case s.Comprehension(kind="list"):
                return _UNKNOWN, "list"
            case s.Lambda():
                return _UNKNOWN, "function"
            case s.Call(s.Attribute(_, name)) if name in SPLITS:
                return _UNKNOWN, "list"
            case s.Name() | s.Attribute():
                held = self.engine.look(entry.unit, expression)
                is_function = bool(held) and all(isinstance(v, FunctionValue | BoundMethod) for v in held)
                return _UNKNOWN, "function" if is_function else ""
        return _UNKNOWN, ""

    def _together(self, site: Site, known: Known, verdict: Judged) -> Iterator[Misfit]:
        certain = {entry.name: entry for entry in known.entries if entry.is_certain}
        names = {entry.name for entry in known.entries}
        for row in CONFLICTS:
            if site.client.name not in row.clients or not verdict.is_since(row.since):
                continue
            entry = certain.get(row.name) if row.name else Entry(row.other, None, site.unit, site.node.at[0])
            if entry is None or (row.name and not self._has(entry, row.values)):
                continue
            if row.needs:
                other = certain.get(row.other)
                clash = other is not None and self._is_other(other, row)
                entry = other if clash and other is not None else entry
            else:
                clash = known.is_complete and row.other not in names
            if clash:
                yield Misfit("value", entry, verdict, why=row.effect, always=True)

    def _has(self, entry: Entry, values: Sequence[object]) -> bool:
        value, other = self._value(entry)
        return not other and any(value == each and type(value) is type(each) for each in values)

    def _is_other(self, entry: Entry, row: Conflict) -> bool:
        """Whether the option is known to have none of the values that the row needs, and a value of its own kind."""
        value, other = self._value(entry)
        if value is _UNKNOWN or other:
            return False
        return value in {0, 1, "0", "1"} and all(value != each for each in row.needs)


_UNKNOWN = object()


def _hidden(site: Site) -> tuple[str, ...]:
    return (*HIDDEN, "schema.registry.") if ".avro." in site.client.name else HIDDEN


def _right_name(name: str, verdict: Judged) -> tuple[str, bool]:
    """The name of the option that is meant, and whether that is certain: the same letters, or the same thing."""
    names = verdict.names()
    same = SAME.get(verdict.distribution, {}).get(name)
    if same in names:
        return str(same), True
    alike = [each for each in names if _letters(each) == _letters(name)]
    if len(alike) == 1:
        return alike[0], True
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.85)
    return (close[0], False) if close else ("", False)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@once
def _around(unit: Unit) -> dict[s.Call, list[s.Try | s.With]]:
    """The `try` and `with` statements around each call of a unit, outermost first."""
    found: dict[s.Call, list[s.Try | s.With]] = {}
    for statement in statements(unit.body):
        if isinstance(statement, s.Try | s.With):
            for part in (part for body in child_bodies(statement) for part in _parts(body)):
                if isinstance(part, s.Call):
                    found.setdefault(part, []).append(statement)
    return found


def _parts(body: s.Body) -> Iterator[s.Expr]:
    """All expressions of a body, blocks included."""
    return (part for statement in statements(body) for e in expressions(statement) for part in inside(e))


def _raises(expression: s.Expr) -> bool:
    """Whether a `with` expects an exception: `pytest.raises(...)`, `self.assertRaises(...)`."""
    function = expression.function if isinstance(expression, s.Call) else expression
    name = function.name if isinstance(function, s.Attribute) else function.id if isinstance(function, s.Name) else ""
    return name in {"raises", "assertRaises", "assertRaisesRegex", "suppress"}

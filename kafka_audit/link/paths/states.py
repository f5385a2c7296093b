"""The situations a client can be in on a path, and what the statements of a function can do to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Literal

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.containers import VIEWS
from kafka_audit.link.reading.conditions import Facts, answered, assume, told, trimmed
from kafka_audit.link.reading.walk import has_elements, inside, parts, reads_later, target_names, with_readers, within


class Stage(IntEnum):
    """How far the client has come."""

    ABSENT = 0
    CREATED = 1
    FAILED = 2  # its start raised
    OPEN = 3
    DONE = 4  # released
    HANDED = 5  # somebody else's to release


@dataclass(frozen=True, slots=True)
class State:
    """One possible situation at a point of the function. `kept` says that a field or a global holds the client."""

    stage: Stage = Stage.ABSENT
    names: frozenset[str] = frozenset()
    kept: bool = False
    facts: Facts = frozenset()


States = dict[State, int]
"""States with the line that led to each: the first one wins."""


@dataclass(slots=True)
class Exits:
    """The states at each way out of a block."""

    normal: States = field(default_factory=dict)
    returned: States = field(default_factory=dict)
    broken: States = field(default_factory=dict)
    continued: States = field(default_factory=dict)
    raised: States = field(default_factory=dict)
    """By an exception that the code itself raises."""
    failed: States = field(default_factory=dict)
    """By an error of the client's library: a call on the client failed."""
    ended: States = field(default_factory=dict)
    """By ending the program."""

    def absorb(self, other: Exits) -> None:
        """Add the abrupt ways out of an inner block."""
        for name in ABRUPT:
            merge(getattr(self, name), getattr(other, name))


ABRUPT = ("returned", "broken", "continued", "raised", "failed", "ended")
"""The ways out of a block other than its end, as fields of `Exits`."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What the calls of one function do to the client, found beforehand by the value flow."""

    site: s.Call
    renews: frozenset[s.Call]
    """Calls of functions that make the client: after each there is another one."""
    starts: frozenset[s.Call | s.Item]
    releases: frozenset[s.Call | s.Item]
    leaves_for_later: frozenset[s.Call | s.Item]
    """Calls that leave the release to the end of a block, a test or the program, whatever comes in between."""
    uses: frozenset[s.Call]
    opens: frozenset[s.Call]
    """Calls after which something is owed: the starts, or the first message for a client that buffers."""
    hands_over: Callable[[s.Call, frozenset[str]], bool]
    """Whether a call makes the client, known by these names, somebody else's."""
    suppresses: Callable[[s.Item], bool]
    tells: Callable[[s.Call], bool]
    """Whether what a call returns is true if it has opened the client, and false if it has not."""
    is_owed_when_created: bool
    reopens: bool
    """Whether a release only empties a buffer that the next message fills again."""
    raises_by_use: bool
    is_harmless: Callable[[s.Call], bool]
    """Whether nobody expects the call to fail."""
    catches_its_errors: Callable[[s.Handler], bool]
    """Whether a handler takes every error of the client's library."""
    yields_raise: bool
    place: str
    """The name of the field that holds the client; empty when there is none."""
    outer_names: frozenset[str]
    """Names that the function declares `global` or `nonlocal`."""
    kept_is_owed: bool
    """Whether the function owes the release of what a field or a global holds: it is the one that ends it."""
    fails_open: Callable[[s.Call], bool] = lambda _: False
    """Whether a call that ends the client may fail before it does so, and then leaves it open."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One way out on which the client is lost: how far it had come, at which line, and whether by an exception."""

    stage: Stage
    line: int
    by_exception: bool
    again: bool = False
    """Lost because the constructor runs again over the same name."""
    overwritten: bool = False
    """Lost because the last name that led to it was given to something else."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A start of what is started or released already, or a release of what is released already."""

    what: Literal["start", "release"]
    node: s.Call | s.Item


def is_of_element(node: s.Call | s.Item, elements: Collection[str]) -> bool:
    """Whether a call is of a method of what a loop goes through, or of what that names, as in `getattr(self, name)`.

    `elements` are the names that the loop binds.
    """
    match node:
        case s.Call(s.Attribute(s.Name() | s.Call() as receiver)):
            return any(isinstance(part, s.Name) and part.id in elements for part in inside(receiver))
    return False


def repeated(effects: Effects, node: s.Call | s.Item, state: State, elements: Collection[str]) -> Iterable[Repeat]:
    """The start or release that this call repeats; `elements` are the names that a loop goes through."""
    if is_of_element(node, elements):
        return  # one element after the other, not one twice
    if node in effects.starts and state.stage in {Stage.OPEN, Stage.DONE}:
        yield Repeat("start", node)
    elif node in effects.releases and state.stage is Stage.DONE:
        yield Repeat("release", node)


def ends_program(expression: s.Expr | None) -> bool:
    """Whether evaluating or raising the expression ends the program: `sys.exit(1)`, `SystemExit`."""
    match expression:
        case s.Call(function):
            return ends_program(function)
        case s.Attribute(s.Name(module), name):
            return (module, name) in {("sys", "exit"), ("os", "_exit")}
        case s.Name(name):
            return name in {"exit", "quit", "SystemExit"}
    return False


def catches_everything(handler: s.Handler) -> bool:
    """Whether the handler takes every error: bare, `Exception` or `BaseException`, alone or among others."""
    return any(
        each is None or (isinstance(each, s.Name) and each.id in {"Exception", "BaseException"})
        for each in caught_types(handler)
    )


def caught_types(handler: s.Handler) -> tuple[s.Expr | None, ...]:
    """The classes that the handler names; None stands for a bare `except`."""
    return handler.types.elements if isinstance(handler.types, s.Sequence) else (handler.types,)


def expects_failure(node: s.Try, effects: Effects) -> bool:
    """Whether the code itself says that anything may fail before the release: a handler takes everything behind it."""
    handles = effects.raises_by_use and any(catches_everything(handler) for handler in node.handlers)
    return handles and within(node.body, effects.releases)


def past_loop(iterable: s.Expr, states: States, passed: Collection[State], site: s.Call) -> States:
    """The states after a loop; one that has turns, or is over a container with the client, has at least one."""
    has_turns = has_elements(iterable)
    return {
        st: at for st, at in states.items() if st in passed or not (has_turns or is_client(iterable, site, st.names))
    }


def pairs(node: s.Assign) -> Iterable[tuple[s.Expr, s.Expr]]:
    """The targets of an assignment with what each gets; `a, b = x, y` is taken apart."""
    assert node.value is not None
    for target in node.targets:
        both = isinstance(target, s.Sequence) and isinstance(node.value, s.Sequence)
        if both and len(target.elements) == len(node.value.elements):  # type: ignore[union-attr]
            yield from zip(target.elements, node.value.elements, strict=True)  # type: ignore[union-attr]
        else:
            yield target, node.value


def in_order(expression: s.Expr) -> list[s.Call | s.Yield | s.Walrus]:
    """The calls, yields and bindings of an expression in the order in which they happen."""
    found: list[s.Call | s.Yield | s.Walrus] = []
    for part in parts(expression):
        found += in_order(part)
    if isinstance(expression, s.Call | s.Yield | s.Walrus):
        found.append(expression)
    return found


def at_once(returned: s.Expr | None) -> s.Expr | None:
    """What of a returned expression is evaluated when the function returns: of a generator what it goes through."""
    match returned:
        case s.Comprehension("generator", _, _, [first, *_]):
            return first.iterable
    return returned


def merge(into: States, other: Mapping[State, int]) -> None:
    """Add states to others; the line that led to a state first stays."""
    for state, line in other.items():
        into.setdefault(state, line)


def split(test: s.Expr, states: States, deciding: frozenset[str]) -> tuple[States, States]:
    """The states in which a test, which makes no call that matters, comes out true, and those in which it does not."""
    then: States = {}
    otherwise: States = {}
    for state, line in states.items():
        for outcome, side in ((True, then), (False, otherwise)):
            facts = assume(state.facts, test, outcome, _alive(state))
            if facts is not None:
                side.setdefault(replace(state, facts=trimmed(facts, deciding)), line)
    return then, otherwise


def weighed(node: s.Assign, state: State) -> Iterator[State]:
    """The state after an assignment: two of it where a name is given what a test says, `owns = feed is None`."""
    match node.targets, node.value:
        case (
            (s.Name(name) as target,),
            s.Compare(s.Name(tested), "is" | "is not", s.Constant(None)) | s.Not(s.Name(tested)) as test,
        ) if name != tested:
            facts = (told(state.facts, target, test, outcome, _alive(state)) for outcome in (True, False))
            yield from (replace(state, facts=each) for each in facts if each is not None)
        case _:
            yield state


def _alive(state: State) -> frozenset[str]:
    """The names that lead to an object."""
    return state.names if state.stage is not Stage.ABSENT else frozenset()


def with_answers(effects: Effects, node: s.Call, states: States) -> States:
    """The states after a call that opens the client, with what it returned where that says whether it did."""
    if not effects.tells(node):
        return states
    after: States = {}
    for state, line in states.items():
        opened = replace(state, facts=answered(state.facts, node, outcome=True))
        unopened = replace(state, stage=Stage.CREATED, facts=answered(state.facts, node, outcome=False))
        for each in (opened, unopened) if state.stage is Stage.OPEN else (state,):
            after.setdefault(each, line)
    return after


def is_client(value: s.Expr, site: s.Call, names: frozenset[str]) -> bool:
    """Whether the expression is the client: its construction, a name of it, or a choice between such."""
    match value:
        case s.Call():
            # `instrument(producer)` gives the client back, by whatever name.
            given = any(_is_given(argument.value, site, names) for argument in value.arguments)
            method = view(value)
            return value is site or given or (method is not None and is_client(method.value, site, names))
        case s.Await(inner) | s.Walrus(_, inner):
            return is_client(inner, site, names)
        case s.Name(name):
            return name in names
        case s.Comprehension(_, _, element):
            return is_client(element, site, names)
        case s.Mapping(entries):
            return any(is_client(entry.value, site, names) for entry in entries)
        case s.Choice(_, then, otherwise):
            return is_client(then, site, names) or is_client(otherwise, site, names)
        case s.Logic(_, operands) | s.Sequence(_, operands):
            return any(is_client(operand, site, names) for operand in operands)
    return False


def _is_given(argument: s.Expr, site: s.Call, names: frozenset[str]) -> bool:
    """Whether an argument is the client, or a call that may give it back."""
    return isinstance(argument, s.Name | s.Call | s.Await) and is_client(argument, site, names)


def view(value: s.Expr) -> s.Attribute | None:
    """The method, if the expression gives what is in a dictionary: `producers.values()`."""
    function = value.function if isinstance(value, s.Call) else None
    return function if isinstance(function, s.Attribute) and function.name in VIEWS else None


def elements(loop: s.For) -> set[str]:
    """The names to which a loop gives the elements of what it goes through: of `items()` not the keys."""
    target, method = loop.target, view(loop.iterable)
    if method is not None and method.name == "items" and isinstance(target, s.Sequence) and target.elements:
        target = target.elements[-1]
    return set(target_names(target))


def hands_back(value: s.Expr | None, site: s.Call, names: frozenset[str], body: s.Body) -> bool:
    """Whether a function with this body gives the client to its caller by returning a value: also one of its functions
    that use the client."""
    return value is not None and mentions(value, site, with_readers(body, names))


def mentions(expression: s.Expr, site: s.Call, names: frozenset[str]) -> bool:
    """Whether what the expression gives holds the client: itself, a display, a constructor's arguments, a generator."""
    if is_client(expression, site, names) or reads_later(expression, names):
        return True
    match expression:
        case s.Call(_, arguments):
            return any(mentions(argument.value, site, names) for argument in arguments)
        case s.Mapping(entries):
            return any(mentions(entry.value, site, names) for entry in entries)
        case s.Sequence(_, elements):
            return any(mentions(element, site, names) for element in elements)
        case s.Starred(inner) | s.Await(inner):
            return mentions(inner, site, names)
    return False

"""Evaluating statements again and again until no place gains a value: who reads what, and who must look again.

A statement is the grain. It reads places and writes others; when a place gains a value, the statements that read it are
evaluated once more. Values only ever grow, so it ends. The order of evaluation decides only what a full place refuses.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import ClassScope, Module, Unit
from kafka_audit.link.flow.values import (
    BoundMethod,
    ClassValue,
    ClientMethod,
    ClientObject,
    ClientType,
    ForeignClient,
    FunctionValue,
    Instance,
    Place,
    Text,
    Value,
)

MOST_VALUES = 16
"""A place that would hold more values than this does not tell the objects of a class apart. If it still would, it is
given anything there is: the parameters of test doubles, the data that a large program passes around."""

TELLING = (ClassValue, ClientMethod, ClientObject, ClientType, ForeignClient, FunctionValue)
"""The kinds of values that such a place still takes; what becomes of further objects there is not known."""

OBJECTS = (Instance, BoundMethod)
"""The kinds of values of which there is one for each creation of an object."""

KEEPS_TEXT = frozenset({"local", "module", "class"})
"""Places through which strings flow: enough for `getattr` and `import_module` with a constant kept in a variable."""


@dataclass(eq=False, slots=True)
class Turn:
    """What is evaluated at a time: a statement of a unit without the blocks in it, or what the unit's parameters get.

    `guarded` statements stand behind `if __name__ == "__main__"`.
    """

    unit: Unit
    statement: s.Stmt | None
    guarded: bool = False
    is_queued: bool = False


class Fixpoint:
    """The places' readers, and the work list.

    `turn` is what is evaluated right now; `unit` and `guarded` are its own, or what stands in for them for a moment.
    `crowded` are the classes with objects that a place did not take, `merged` those of which one object stands for all
    in a full place, `keeping` those whose own fields hold a client.
    """

    def __init__(self) -> None:
        self.turn: Turn
        self.unit: Unit
        self.guarded = False
        self.settled = False
        self.crowded: set[ClassScope] = set()
        self.merged: set[ClassScope] = set()
        self.keeping: set[ClassScope] = set()
        self._waiting: dict[Turn, None] = {}
        self._missing: defaultdict[Turn, dict[str, None]] = defaultdict(dict)
        self._hoping: set[Turn] = set()
        self._asking: defaultdict[object, dict[Turn, None]] = defaultdict(dict)
        self._turns: dict[Unit, tuple[Turn, ...]] = {}
        self._work: deque[Turn] = deque()

    def take(
        self,
        known: Mapping[str, Module],
        new: Mapping[str, Module],
        turns: Callable[[Unit], Iterable[Turn]],
        importing: Collection[Unit],
    ) -> None:
        """Evaluate new files, and the units that import them: what those import means something else now."""
        for path in sorted(known):
            for unit in known[path].units:
                if path in new:
                    self._turns[unit] = tuple(turns(unit))
                if path in new or unit in importing:
                    for turn in self._turns[unit]:
                        self.enqueue(turn)

    def solve(self, run: Callable[[Turn], None]) -> None:
        """Evaluate every statement that waits, until nothing changes.

        In a first pass nothing is taken for unknown, because it may only not be known yet. What still has no value
        then is unknown for good, and a second pass says what that means: objects given to it are handed over.
        """
        self.settled = False
        self._drain(run)
        self.settled = True
        for turn in self._waiting:
            self.enqueue(turn)
        for turn, names in self._missing.items():
            self._settle(turn, names)
        self._hoping.clear()
        self._drain(run)

    def _settle(self, turn: Turn, names: Iterable[str]) -> None:
        """Let a statement read what unknown objects are given, if it has not done so since it hoped to know more."""
        self.turn, self.unit = turn, turn.unit
        for name in names:
            place = self.outside(name)  # which is another one when files that were read since connect others
            if (turn in self._hoping or turn not in place.readers) and self.read(place):
                self.enqueue(turn)

    def _drain(self, run: Callable[[Turn], None]) -> None:
        while self._work:
            turn = self._work.popleft()
            turn.is_queued = False
            self.turn, self.unit, self.guarded = turn, turn.unit, turn.guarded
            run(turn)

    def enqueue(self, turn: Turn) -> None:
        """Ask for another look at a statement."""
        if not turn.is_queued:
            turn.is_queued = True
            self._work.append(turn)

    def wait(self) -> None:
        """Look at the current statement again once it is settled what stays unknown."""
        self._waiting[self.turn] = None

    def wait_for(self, name: str) -> None:
        """The same, if unknown objects are given an attribute of that name."""
        self._missing[self.turn][name] = None
        self._hoping.add(self.turn)

    def outside(self, name: str) -> Place:
        """The place of an attribute of that name on objects that the current unit does not know."""
        raise NotImplementedError

    def read(self, place: Place) -> set[Value]:
        """What the place holds; the current statement is looked at again when that grows."""
        place.readers[self.turn] = None
        return place.values

    def write(self, place: Place, values: set[Value]) -> None:
        """Add values to a place and wake its readers if any is new."""
        if values <= place.values:
            return
        new = values.difference(place.values)
        if place.kind not in KEEPS_TEXT:
            new = {value for value in new if type(value) is not Text}
        if len(place.values) + len(new) > MOST_VALUES:
            new = self._coarse(place, new)
        self._grow(place, new)

    def _coarse(self, place: Place, values: set[Value]) -> set[Value]:
        """What a place takes that would hold too many: for the objects of a class, one that stands for them all."""
        coarse = {self.any_like(value) if type(value) in OBJECTS else value for value in values}
        behind = (value.receiver if isinstance(value, BoundMethod) else value for value in coarse)
        self.merged.update(value.scope for value in behind if isinstance(value, Instance))
        if len(place.values) + len(coarse - place.values) <= MOST_VALUES:
            return coarse
        self.crowded.update(value.scope for value in coarse if isinstance(value, Instance))
        return {value for value in coarse if isinstance(value, TELLING)}

    def any_like(self, value: Value) -> Value:
        """The value that stands for every object of the same class, or for a method of every one."""
        raise NotImplementedError

    def _grow(self, place: Place, new: set[Value]) -> None:
        if not new <= place.values:
            place.values = place.values.union(new)  # a new set: whoever goes through the old one goes on
            if place.kind == "field":
                self._note_keeping(place, new)
            for reader in place.readers:
                self.enqueue(reader)
            for follower in place.followers:
                self._grow(follower, new)

    def _note_keeping(self, place: Place, new: set[Value]) -> None:
        scope = place.owner
        if not isinstance(scope, ClassScope) or scope in self.keeping or scope.fields.get(place.name) is not place:
            return
        if any(type(value) is ClientObject for value in new):
            self.keeping.add(scope)
            self.tell((ClientObject, scope))

    def ask(self, what: object) -> None:
        """Look at the current statement again when there is news of `what`, which is no place: see `tell`."""
        self._asking[what][self.turn] = None

    def tell(self, what: object) -> None:
        """Wake all that asked for `what`: a container that is known by its place, a class's family, a fixture, whether
        the objects of a class keep a client."""
        for turn in self._asking.get(what, ()):  # `get` makes no entry
            self.enqueue(turn)

"""Going through what runs: every act of a body in its order, calls and imports followed, mocks minded.

Nothing is executed. A body is gone through once for each root and each set of mocks that hold, because the second time
adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from kafka_audit.catalog.driving import ENTERS
from kafka_audit.catalog.web import DJANGO_APPS
from kafka_audit.facts import schema as s
from kafka_audit.impact import acts, mocks
from kafka_audit.impact.applications import Applications
from kafka_audit.impact.autoloading import Autoloading
from kafka_audit.impact.branches import Switches, Variable
from kafka_audit.impact.constants import folder, texts
from kafka_audit.impact.index import Index
from kafka_audit.impact.leaving import Fails, Suspended
from kafka_audit.impact.loading import Loader
from kafka_audit.impact.mocking import Mocking
from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.replacements import Replacements
from kafka_audit.impact.search_path import SearchPath
from kafka_audit.impact.states import States
from kafka_audit.impact.trace import Cut, Edge, Happening, How, MockVerdict, Root, Trace, What
from kafka_audit.link.flow.engine import CallFact, Node
from kafka_audit.link.flow.scopes import Module, Unit
from kafka_audit.link.flow.values import FunctionValue, Instance
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program
from kafka_audit.link.reading.context import context_of
from kafka_audit.link.reading.words import words

Body = Collection[acts.Act]
_Key = tuple[Unit, frozenset[Mock], frozenset[Variable]]

_AROUND = (acts.Block, acts.Attempt, acts.Under, acts.Switched, acts.Lazy, acts.Pause)
"""The acts that a `yield` may stand in."""

DEEPEST = 150
"""Calls within calls that are followed: deeper ones are recursion, or say nothing to a reader."""


class Walker:
    """One session's walk; `trace` is what it notes."""

    def __init__(self, program: Program, index: Index, search: SearchPath, current: tuple[str, ...]) -> None:
        """`current` is the folder that the tests are run in, below the base."""
        self.program = program
        self.engine = program.engine
        self.trace = Trace()
        self.search = search
        self.loader = Loader(self.engine, search, self.trace, self._run_module)
        self.replacements = Replacements(self.engine)
        self.states = States(self.replacements)
        self.mocking = Mocking(self)
        self.autoloading = Autoloading(self)
        self.pauses: dict[Unit, Callable[[], None]] = {}
        """What is to be done when the `yield` of a body is come to."""
        self._current = current
        self.index = index
        self._clock = 0
        self._depth = 0
        self._root: Root
        self._seen: set[_Key] = set()
        self._gone: set[s.Call] = set()
        self.condition = ""
        self._lasting: list[list[Callable[[], None]]] = [[]]
        self.resumed: Unit | None = None
        self._applications = Applications(self, index)
        self._created: dict[Life, tuple[str, str]] = {}

    @property
    def root(self) -> Root:
        """What pytest runs now."""
        return self._root

    def under(self, root: Root, act: Callable[[], object]) -> None:
        """Do something on behalf of a root."""
        before = getattr(self, "_root", None), self._seen, self._gone
        self._enter(root, set(), set())
        self.trace.roots.append(root)
        act()
        if before[0] is not None:
            self._enter(before[0], before[1], before[2])

    def _enter(self, root: Root, seen: set[_Key], gone: set[s.Call]) -> None:
        self._root, self._seen, self._gone = root, seen, gone
        self.loader.root = root

    def is_under(self, root: Root) -> bool:
        """Whether what is done now is done on behalf of this root."""
        return getattr(self, "_root", None) is root

    def change_root(self, root: Root) -> None:
        """Go on for another root: after its `yield` a fixture belongs to the teardown."""
        self.trace.roots.append(root)
        self._enter(root, set(), self._gone)

    def lasting(self, act: Callable[[], object]) -> None:
        """Do something, and end what it began and what lasts until it is over: mocks, applications."""
        self._lasting.append([])
        try:
            act()
        finally:
            for end in reversed(self._lasting.pop()):
                end()

    def when_over(self, end: Callable[[], None]) -> None:
        """Do something when what is done now is over."""
        self._lasting[-1].append(end)

    def tick(self) -> int:
        """The next moment of the session's clock."""
        self._clock += 1
        return self._clock

    # Bodies.

    def walk(self, unit: Unit) -> None:
        """Go through a body, unless that was done in this root with these mocks."""
        key = (unit, self.replacements.state(), self.states.key())
        if key in self._seen or self._depth > DEEPEST:
            return
        self._seen.add(key)
        self._depth += 1
        condition, self.condition = self.condition, ""
        try:
            for callee, line in self.index.implicit.get(unit, ()):
                self.step(unit, callee, line)
            self.do(unit, self.index.acts(unit))
        except Fails:
            if unit.kind != "function":
                raise  # the import statement that brought the module here fails, too
        except Suspended:
            pass
        finally:
            self._depth -= 1
            self.condition = condition

    def _run_module(self, module: Module) -> bool:
        self.replacements.executed[module.path] = self.tick()
        for life in self.index.in_module.get(module.path, ()):
            self._note("imported", life, module.top, life.site.node.at[0])
        self.states.forget(module.path)
        self._seen.discard((module.top, self.replacements.state(), self.states.key()))  # a second one runs again
        may_fail, self.loader.may_fail = self.loader.may_fail, False
        try:
            self.walk(module.top)
        except Fails:
            return False
        finally:
            self.loader.may_fail = may_fail
        return True

    def do(self, unit: Unit, body: Collection[acts.Act]) -> None:
        """Go through acts in order; raises `Fails`."""
        for act in body:
            if self.resumed is unit and not isinstance(act, _AROUND):
                continue  # it was gone through before the `yield`
            match act:
                case acts.Call(node):
                    self._call(unit, node)
                case acts.Load(node):
                    self._load(unit, node)
                case acts.Store(target, value, line):
                    self.mocking.store(unit, target, value, line)
                case acts.Block(node, inner):
                    self._block(unit, node, inner)
                case acts.Attempt():
                    self._attempt(unit, act)
                case acts.Under(condition, inner):
                    self._under(unit, condition, inner)
                case acts.ClassBody(node):
                    self.step(unit, unit.module.unit_of[node], node.line)
                case acts.Pause():
                    self._hand_over(unit)
                case acts.Fill(variable, is_empty):
                    self.states.assign(variable, is_empty=is_empty)
                case acts.Lazy(variable, filled, empty):
                    self._lazy(unit, variable, filled, empty)
                case acts.Switched(switches, on, off):
                    self._switched(unit, switches, on, off)

    def _attempt(self, unit: Unit, act: acts.Attempt) -> None:
        before, self.loader.may_fail = self.loader.may_fail, self.loader.may_fail or act.catches
        try:
            self.do(unit, act.body)
        except Fails:
            if not act.catches:
                raise
            self.loader.may_fail = before
            self.do(unit, act.without)
        finally:
            self.loader.may_fail = before
        self.do(unit, act.handlers)
        self.do(unit, act.rest)

    def _under(self, unit: Unit, condition: str, body: Collection[acts.Act]) -> None:
        before, self.condition = self.condition, condition
        try:
            self.do(unit, body)
        finally:
            self.condition = before

    def _lazy(self, unit: Unit, variable: Variable, filled: Body, empty: Body) -> None:
        """One way; what would fill a variable that is filled is what a test does that runs alone."""
        if not self.states.is_filled(variable) or self.condition == variable.condition:
            self.do(unit, empty)
            return
        self.do(unit, filled)
        if self.states.is_kept(variable) and not self.condition:
            self._under(unit, variable.condition, empty)

    def _switched(self, unit: Unit, switches: Switches, on: Body, off: Body) -> None:
        """Both ways, unless it is known how the switches are: that they are on is a condition."""
        are_on = self.states.are_on(switches)
        if are_on is None and on:
            self._under(unit, str(switches), on)
        elif are_on:
            self.do(unit, on)
        if not are_on:
            self.do(unit, off)

    def _hand_over(self, unit: Unit) -> None:
        if self.resumed is unit:
            self.resumed = None
        elif unit in self.pauses:
            self.pauses.pop(unit)()

    def _load(self, unit: Unit, node: s.Import) -> None:
        self.replacements.imported[node] = self.tick()
        if not self.loader.load_import(unit, node):
            raise Fails

    def step(self, unit: Unit, callee: Unit, line: int, how: How = "calls") -> None:
        """Run another body on behalf of this one: only what is loaded can run."""
        if not self.loader.has(callee.module.path):
            return
        self._root.note(Edge(unit, callee, line, how, self.condition))
        if callee not in self.index.interesting:
            return
        if self.engine.flagged(callee, "cached"):
            result = Variable(callee.module.path, callee.qualname, "")
            if self.states.is_filled(result):
                return
            self.states.assign(result, is_empty=False)
        self.walk(callee)

    # Calls.

    def _call(self, unit: Unit, node: s.Call) -> None:
        text = words(node.function)
        if text.startswith(("sys.path.", "site.addsitedir")):
            self._extend_path(unit, node, text)
        elif text.rpartition(".")[2] in {"import_module", "__import__"} and node.arguments:
            for name in texts(unit, node.arguments[0].value):
                self.loader.load(name, unit, node.at[0])
        elif text.rpartition(".")[2] in ENTERS and node.arguments and isinstance(node.arguments[0].value, s.Call):
            self.mocking.request(unit, node.arguments[0].value, starts=True)
        elif text == DJANGO_APPS.setup:
            self.autoloading.set_up(unit, node.at[0])
        elif text.endswith(".cache_clear"):
            self._forget_result(unit, node)
        elif self.mocking.request(unit, node, starts=False):
            return
        self._reach(unit, node)
        self._applications.drive(unit, node)

    def _forget_result(self, unit: Unit, node: s.Call) -> None:
        """`get_producer.cache_clear()`: the next call runs the function again."""
        for value in self.engine.look(unit, node.function.value) if isinstance(node.function, s.Attribute) else ():
            if isinstance(value, FunctionValue):
                self.states.assign(Variable(value.unit.module.path, value.unit.qualname, ""), is_empty=True)

    def _reach(self, unit: Unit, node: s.Call) -> None:
        """Make the client and run the functions that the call reaches, unless a mock takes its place."""
        life = self.index.site.get(node)
        fact = self.engine.calls.get(node)
        if life is None and fact is None and node not in self.index.events:
            return
        time = self.tick()
        covering = self.replacements.covering(unit, node, time)
        if life is not None and not life.site.guarded:
            verdict = self.replacements.verdict(unit, node, life.site.client.name, time)
            verdict = verdict or self.mocking.overwritten(life, is_sure=self.index.is_sure(life))
            self._note("created", life, unit, node.at[0], verdict)
        if covering is not None:
            self._gone.add(node)
            if fact is not None:
                self.trace.cuts.append(Cut(covering[0], self._root, unit, node.at[0], tuple(fact.callees)))
            return
        self._gone.discard(node)
        self._events(unit, node, {"start", "release"})
        if fact is not None and not fact.guarded and self._runs(fact, unit):
            for callee, receivers in fact.callees.items():
                if self._is_there(receivers):
                    self.step(unit, callee, node.at[0])

    def _runs(self, fact: CallFact, unit: Unit) -> bool:
        """Whether the call's body runs: a coroutine that is dropped, or made at import and not run, does not."""
        if not any(callee.is_async and not callee.is_generator for callee in fact.callees):
            return True
        return fact.mode in ({"awaited", "run"} if unit.kind != "function" else {"awaited", "run", "used"})

    def _is_there(self, receivers: Collection[object]) -> bool:
        """Whether an object that the method is called on can exist: not when mocks took the place of all of them."""
        if not self._gone or not receivers:
            return True
        origins = [r.origin.node if isinstance(r, Instance) and r.origin is not None else None for r in receivers]
        return any(origin not in self._gone for origin in origins)

    def _events(self, unit: Unit, node: Node, wanted: Collection[str]) -> None:
        for event, life in self.index.events.get(node, ()):
            if event.what in wanted and self._is_alive(life) and not event.guarded:
                self._note("started" if event.what == "start" else "released", life, unit, event.line)

    def _is_alive(self, life: Life) -> bool:
        """Whether the client has been made: by the test that runs, unless it is kept beyond tests."""
        made_in, _ = self._created.get(life, (None, ""))
        is_of_object = life.holding.at is not None and life.holding.at.kind == "field"
        return made_in is not None and (made_in in {"", self._root.test} or not is_of_object)

    def _note(self, what: What, life: Life, unit: Unit, line: int, mock: MockVerdict | None = None) -> None:
        chain = tuple(self._root.chain(unit)) if what == "imported" else None
        made_if = self._created[life][1] if what in {"started", "released"} else ""
        condition = self.condition or made_if
        happening = Happening(what, life, self._root, unit, line, self._clock, mock, condition, chain)
        self.trace.happenings.append(happening)
        if what == "created":
            made_if = happening.depends_on()
            if not made_if or not self._is_alive(life) or self._created[life][1]:
                self._created[life] = (self._root.test, made_if)

    def _extend_path(self, unit: Unit, node: s.Call, text: str) -> None:
        """`sys.path.insert(0, folder)` and its kind."""
        if not text.endswith(("insert", "append", "extend", "addsitedir")) or not node.arguments:
            return
        found = folder(unit, node.arguments[-1].value, self._current)
        if found is None:
            self.search.is_known = False
            self.loader.completing.discard(unit.module.path)
            return
        self.loader.completing.add(unit.module.path)
        (self.search.insert if text.endswith("insert") else self.search.append)(found)

    def _block(self, unit: Unit, node: s.With, inner: tuple[acts.Act, ...]) -> None:
        """A `with`: the mocks among its items hold inside it; clients start at its beginning and end with it."""
        begun: list[Mock] = []
        if self.resumed is not unit:
            begun = self._enter_block(unit, node)
        is_ready = any(isinstance(i.value, s.Call) and words(i.value.function).endswith(_SWALLOWS) for i in node.items)
        may_fail, self.loader.may_fail = self.loader.may_fail, self.loader.may_fail or is_ready
        is_left = True
        try:
            if any(words(item.value).endswith("ExitStack()") for item in node.items):
                self.lasting(lambda: self.do(unit, inner))
            else:
                self.do(unit, inner)
        except Fails:
            if not is_ready:
                raise
        except Suspended:
            is_left = False
            raise
        finally:
            self.loader.may_fail = may_fail
            if is_left and self.resumed is not unit:
                self._leave_block(unit, node, begun)

    def _enter_block(self, unit: Unit, node: s.With) -> list[Mock]:
        """The beginning of a `with`; returns the mocks that hold inside it."""
        begun: list[Mock] = []
        for item in node.items:
            if isinstance(item.value, s.Call) and context_of(unit.module.path) == "test":
                found = mocks.request(self.engine, unit, item.value)
                mock = self.mocking.begin(unit, found, "inside the `with` block") if found is not None else None
                begun += [mock] if mock is not None else []
            self._events(unit, item, {"start"})
            fact = self.engine.calls.get(item)
            for callee, receivers in fact.callees.items() if fact is not None else ():
                if self._is_there(receivers):
                    self.step(unit, callee, item.line)
            self._applications.enter(unit, item)
        return begun

    def _leave_block(self, unit: Unit, node: s.With, begun: Sequence[Mock]) -> None:
        for item in reversed(node.items):
            self._applications.leave(unit, item)
        for item in node.items:
            self._events(unit, item, {"release"})
        for mock in begun:
            self.mocking.end(mock)


_SWALLOWS = ("pytest.raises", "suppress", "assertRaises", "assertRaisesRegex")
"""Blocks that an exception does not get out of."""

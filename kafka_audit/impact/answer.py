"""From what one session does to the answer about it: how far each producer comes, by which way, and what mocks do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.replacements import Replacements
from kafka_audit.impact.schema import Activation, Happening, MockEffect, MockPlace, Reach, Remark, TestImpact, What
from kafka_audit.impact.session import Session
from kafka_audit.impact.trace import Cut, Edge, Trace
from kafka_audit.impact.trace import Happening as Event
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life, owner_name
from kafka_audit.link.program import Program
from kafka_audit.model import Step

_LEVELS: tuple[What, ...] = ("imported", "created", "started", "released")
_ORDER: tuple[Reach, ...] = ("activates", "conditional", "not reached")
_SEVERITY = {"too late": 0, "elsewhere": 1, None: 2, "effective": 3}
"""What a reader must know first: a mock that misses its client, then a client that nobody mocks."""


def answer(program: Program, session: Session, trace: Trace, only: Sequence[str]) -> TestImpact:
    """What running one test file does to the producers of the program."""
    told = [_activation(program, trace, life) for life in program.audited]
    reached = {step.path for each in told for happening in each.happenings for step in happening.chain}
    return TestImpact(
        path=session.module.path,
        tests=len(session.tests),
        selected=tuple(only),
        configuration=session.ini.path,
        producers=tuple(sorted(told, key=by_reach)),
        mocks=_places(session.replacements, trace),
        remarks=tuple(_remarks(trace, reached | {life.path for life in program.audited})),
    )


def by_reach(activation: Activation) -> tuple[int, str, int]:
    """The order in which producers are told: what comes alive first."""
    return (_ORDER.index(activation.reach), activation.path, activation.line)


def unreachable(program: Program) -> list[Activation]:
    """The producers of a program that the tests cannot import."""
    return [_activation(program, Trace(), life) for life in program.audited]


def _activation(program: Program, trace: Trace, life: Life) -> Activation:
    events = [event for event in trace.happenings if event.life is life]
    happenings = [told for what in _LEVELS if (told := _happening(events, what, life)) is not None]
    created = next((each for each in happenings if each.what == "created"), None)
    cut = _cut(program, trace, life) if created is None and happenings else None
    reach: Reach = "not reached" if not happenings else "conditional"
    if created is not None and not created.condition:
        reach = "activates"
    return Activation(
        producer=life.id,
        path=life.path,
        line=life.site.node.at[0],
        owner=life.owner,
        client=life.site.client.name,
        role=life.site.client.role,  # type: ignore[arg-type]  # frameworks are no sites
        reach=reach,
        level=_level(happenings),
        why=_why(life, happenings, created, cut),
        happenings=tuple(happenings),
        mock=_mock(events, cut),
        real_in=_real(events),
        kept_in=_kept(events),
    )


def _real(events: Iterable[Event]) -> tuple[str, ...]:
    """The tests that create the real client for all that is known."""
    return tuple(
        dict.fromkeys(
            event.root.test
            for event in events
            if event.what == "created" and event.root.test and not event.depends_on()
            if event.mock is None or event.mock.effect != "effective"
        )
    )


def _kept(events: Sequence[Event]) -> tuple[str, ...]:
    """The tests that find a client which is kept, and make none."""
    created = [event for event in events if event.what == "created" and event.root.test]
    made = {event.root.test for event in created if not event.depends_on()}
    kept = [event.root.test for event in created if event.is_kept()]
    return tuple(dict.fromkeys(test for test in kept if test not in made))


def _level(happenings: Sequence[Happening]) -> What | None:
    """How far it certainly comes, else how far it can come."""
    sure = [each.what for each in happenings if not each.condition]
    return sure[-1] if sure else happenings[-1].what if happenings else None


def _why(life: Life, happenings: Sequence[Happening], created: Happening | None, cut: Cut | None) -> str:
    if not happenings:
        return "its module is not imported"
    if created is not None and created.condition:
        return f"created only if {created.condition}"
    if created is not None:
        where = f"in {_counted(len(created.tests), 'test')}" if created.tests else f"at the stage `{created.stage}`"
        return f"created {where}"
    if cut is not None:
        return f"imported; `{cut.mock.target}` is replaced, which stands between the tests and {life.owner}"
    return "imported; nothing that the tests run creates it"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _happening(events: Iterable[Event], what: What, life: Life) -> Happening | None:
    """One level: the first time that it happens, for sure if it ever does, and all tests in which it does."""
    found = [event for event in events if event.what == what]
    if not found:
        return None
    sure = [event for event in found if not event.depends_on()]
    first = (sure or found)[0]
    tests = dict.fromkeys(event.root.test for event in (sure or found) if event.root.test)
    return Happening(
        what=what,
        stage=first.root.stage,
        condition=first.depends_on(),
        chain=(*_steps(first.root.unit, first.chain()), _last(first, life)),
        tests=tuple(tests),
    )


def _steps(start: Unit, chain: Sequence[Edge]) -> list[Step]:
    return [
        Step(path=edge.caller.module.path, line=edge.line, message=f"{_who(edge)}{edge.how} {_whom(edge)}")
        for edge in chain
        if edge.caller is not edge.callee
    ] or ([Step(path=start.module.path, line=start.line, message=f"`{owner_name(start)}` runs")] if start.node else [])


def _who(edge: Edge) -> str:
    """Who runs something; of a module the step's path says it."""
    return "" if edge.caller.kind == "module" else f"`{owner_name(edge.caller)}` "


def _whom(edge: Edge) -> str:
    return f"`{edge.callee.module.path}`" if edge.how == "imports" else f"`{owner_name(edge.callee)}`"


def _last(event: Event, life: Life) -> Step:
    """The step that the chain leads to."""
    name = life.site.client.name.rpartition(".")[2]
    path, line = event.unit.module.path, event.line
    if event.what == "imported":
        return Step(path=life.path, line=line, message=f"the module that creates {name}")
    return Step(path=path, line=line, message=f"{name} is {event.what}")


def _mock(events: Iterable[Event], cut: Cut | None) -> MockEffect | None:
    """The mock that matters: that of the creation that is worst off, or the one that stands in between."""
    every = [event for event in events if event.what == "created"]
    created = [event for event in every if not event.depends_on()] or every
    worst = min(created, key=lambda event: _SEVERITY[event.mock.effect if event.mock else None], default=None)
    if worst is not None and worst.mock is not None:
        return _effect(worst.mock.mock, worst.mock.effect, worst.mock.why)
    if cut is not None:
        callee = f"`{owner_name(cut.callees[0])}`" if cut.callees else "what would have run"
        return _effect(
            cut.mock, "effective", f"the call at {cut.unit.module.path}:{cut.line} meets it instead of {callee}"
        )
    return None


def _effect(mock: Mock, effect: str, why: str) -> MockEffect:
    return MockEffect(path=mock.unit.module.path, line=mock.line, target=mock.target, effect=effect, why=why)  # type: ignore[arg-type]


def _cut(program: Program, trace: Trace, life: Life) -> Cut | None:
    """A call that a mock took the place of and that would have led to the client."""
    wanted = program.lives.reach.callers(life.site.unit)
    return next((cut for cut in trace.cuts if any(callee in wanted for callee in cut.callees)), None)


def _places(replacements: Replacements, trace: Trace) -> tuple[MockPlace, ...]:
    """The mocks that are meant for clients, or took the place of something that leads to one, each place once."""
    cutting = {cut.mock for cut in trace.cuts}
    found = {
        (mock.unit.module.path, mock.line, mock.target): mock
        for mock in trace.mocks
        if mock in cutting or replacements.aims(mock)
    }
    return tuple(
        MockPlace(
            path=path,
            line=line,
            way=mock.way,
            target=target,
            holds=mock.holds,
            clients=tuple(sorted(replacements.aims(mock))),
        )
        for (path, line, target), mock in sorted(found.items(), key=lambda item: item[0])
    )


def _remarks(trace: Trace, concerned: set[str]) -> Iterable[Remark]:
    """The notes that concern the tests or the way to a producer."""
    for note in sorted(trace.notes, key=lambda each: (each.path, each.line, each.message)):
        if (
            note.kind in {"missing", "skipped"}
            or note.path in concerned
            or any(f"`{p}`" in note.message for p in concerned)
        ):
            yield Remark(kind=note.kind, path=note.path, line=note.line, message=note.message)

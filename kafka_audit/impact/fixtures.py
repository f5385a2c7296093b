"""Which fixtures hold clients, and real ones?"""

from __future__ import annotations

from collections.abc import Iterator

from kafka_audit.impact.index import index_of
from kafka_audit.impact.session import Session, conftest_chain, test_files
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.lives.life import Life
from kafka_audit.link.ownership.owning import Owner
from kafka_audit.link.program import Program


def kept(program: Program) -> Iterator[tuple[Life, Owner | None]]:
    """The clients that a fixture makes and hands out, by themselves or in an object that owns one.

    Clients that are mocks wherever the fixture is used are left out: nothing real is left behind then.
    """
    for life in program.owing():
        owners: list[Owner | None] = [None] if life.holding.kind == "fixture" else []
        owners += [owner for owner in program.owning.roots(life) if owner.holding.kind == "fixture"]
        for owner in owners:
            if _is_real(program, life, owner.origin.unit if owner is not None else life.site.unit):
                yield life, owner


def _is_real(program: Program, life: Life, fixture: Unit) -> bool:
    """Whether the fixture makes the real client for some test: none of the files around replaces its class, or a test
    is seen to get it."""
    index = index_of(program)
    layers = (fixture.module, *conftest_chain(program, fixture.module.path))
    if not any(index.replacing(each) or index.is_marked(each) for each in layers):
        return True
    for module, conftests in test_files(program):
        if fixture.module in (module, *conftests):
            trace = Session(program, index, module).run(lambda _, own: any(each.unit is fixture for each in own))
            for event in trace.happenings:
                is_mock = event.mock is not None and event.mock.effect == "effective"
                if event.what == "created" and event.life is life and event.root.stage == "fixture" and not is_mock:
                    return True
    return False

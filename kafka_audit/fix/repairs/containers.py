"""Clients that a dependency container makes: their provider releases them, and something closes the container."""

from __future__ import annotations

from kafka_audit.catalog.containers import CONTAINER_HOOKS
from kafka_audit.catalog.hooks import registered
from kafka_audit.catalog.hosts import WITH_LIFESPAN, container_of
from kafka_audit.catalog.schema import DependencyContainer
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.changes.enclose import entered_or_ended
from kafka_audit.fix.changes.endings import Ending, around_all
from kafka_audit.fix.changes.lifespans import lifespan_of, new_lifespan
from kafka_audit.fix.editing.edits import Trees
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.repairs.fixtures import behind_the_yield
from kafka_audit.fix.subject import Subject, client_subject
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Made
from kafka_audit.link.ownership.injection import Unclosed

WITHOUT_END = (
    "let the container make it by a provider that ends what it made, such as `providers.Resource` with a function that "
    "yields the client and releases it behind the `yield`, and close the container when the program ends"
)


def closed(case: Case, unclosed: list[Unclosed]) -> Repair:
    """Nothing closes the container: the application that it is set up in does when it ends, or the function around."""
    if len(unclosed) != 1 or not isinstance(unclosed[0].container, Made):
        raise Refused("the container is a class, or one of several", "close it when the program ends")
    container = unclosed[0].container
    row = container_of(container.name)
    assert row is not None
    is_async = container.name in row.awaited
    application = _application(case, container, row)
    if application is not None:
        return _with_application(case, application, row, is_async)
    path = container.unit.module.path
    subject = Subject(
        path=path,
        site=container.node.at,
        starts=frozenset(),
        releases=frozenset(),
        release=row.closes[0],
        is_async=is_async,
        enters=False,
        tolerant=True,
        once=False,
        flushes=False,
        noun="container",
    )
    tree = case.tree(path)
    changed = tree.rewritten(entered_or_ended(tree, subject))
    return Repair("safe", "Close the container however its block ends", {path: changed})


def _application(case: Case, container: Made, row: DependencyContainer) -> Made | None:
    """The application with a lifespan that the container is set up in."""
    passed = case.program.engine.hosting.passed
    for (made, node), each in passed.items():
        if made is container and each.target in row.setups and row.kept_as:
            for other, call in passed:
                if call is node and other is not container and other.name in WITH_LIFESPAN:
                    return other
    return None


def _with_application(case: Case, application: Made, row: DependencyContainer, is_async: bool) -> Repair:
    trees = Trees(case.tree)
    unit = lifespan_of(case.program, application)
    if unit is None:
        called = f"app.state.{row.kept_as}.{row.closes[0]}"
        wire = new_lifespan(trees, application, Ending(called, is_async, ()), called)
    else:
        parameters = unit.function.parameters if unit.function is not None else ()
        if not parameters:
            raise Refused("the lifespan does not take its application")
        called = f"{parameters[0].name}.state.{row.kept_as}.{row.closes[0]}"
        # The container was there before the lifespan, which may use what it gives until its very end.
        wire = around_all(trees, Ending(called, is_async, ()), unit, called, "the application's lifespan")
    return Repair("safe", wire.title, {wire.path: trees[wire.path].rewritten(wire.changes, wire.needed)})


def released_by_provider(case: Case, provider: Unit) -> Repair:
    """The provider that never releases its client does, when the container is closed."""
    hooks = [
        hook
        for registration in case.program.lives.reach.registrations(provider)
        for hook in registered(registration.target, registration.select)
        if hook in CONTAINER_HOOKS
    ]
    if not hooks or any("closed" not in hook.needs for hook in hooks):
        raise Refused("its provider only makes it, and ends nothing", WITHOUT_END)
    if case.life.site.unit is not provider:
        raise Refused("its provider does not make it itself", "release it behind a `yield` of its provider")
    subject = client_subject(case.program, case.life)
    tree = case.tree(subject.path)
    title = f"Release the {subject.noun} behind the `yield` of its provider"
    return Repair("safe", title, {tree.path: behind_the_yield(tree, subject)})

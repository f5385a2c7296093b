"""What a framework imports because its settings name it: the applications of a Django project."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kafka_audit.catalog.web import DJANGO_APPS
from kafka_audit.facts import schema as s
from kafka_audit.impact.bindings import Binding
from kafka_audit.impact.constants import elements, texts
from kafka_audit.link.flow.families import ancestry
from kafka_audit.link.flow.scopes import Module, Unit

if TYPE_CHECKING:
    from kafka_audit.impact.walker import Walker


class Autoloading:
    """The loading of applications in one session, on whose walk it depends."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker

    def set_up(self, unit: Unit, line: int, settings: str = "") -> None:
        """What `django.setup()` does: the applications' modules are imported, then their models, then each is told
        that it is ready."""
        name = settings or self._named_settings()
        loader = self._walker.loader
        if not name or not loader.load(name, unit, line):
            return
        module = self._module(name)
        applications = list(dict.fromkeys(self._applications(module))) if module is not None else []
        packages = []
        configured: list[Module] = []
        for text in applications:
            package, modules = self._imported(text)
            packages.append(package)
            for dotted in modules:
                found = self._load(dotted, unit, line)
                configured += [found] if found is not None else []
        for package in packages:
            self._load(f"{package}.{DJANGO_APPS.models}", unit, line)
        for found in configured:
            for ready in self._ready(found):
                self._walker.step(unit, ready, line)

    def _named_settings(self) -> str:
        """The settings that a variable of the environment names."""
        held = self._walker.replacements.held(Binding("env", "", DJANGO_APPS.variable))
        return held[-1].values[0] if held and held[-1].values else ""

    def _applications(self, module: Module) -> Iterator[str]:
        """The applications that a settings module names, those of the modules that it is made from included."""
        top = module.top
        for star in top.stars:
            path = self._walker.engine.paths.relative(star.module, star.level, module.path) if star.level else None
            path = path or self._walker.engine.paths.absolute(star.module, module.path)
            source = self._walker.engine.modules.get(path) if path is not None else None
            if source is not None and source is not module:
                yield from self._applications(source)
        for part in elements(top, s.Name(DJANGO_APPS.setting)):
            yield from texts(top, part)

    def _imported(self, text: str) -> tuple[str, list[str]]:
        """The package of an application, and the modules that are imported to find out about it."""
        outer, _, last = text.rpartition(".")
        if last[:1].isupper():
            return outer.rpartition(".")[0], [outer]
        return text, [text, f"{text}.{DJANGO_APPS.configuration}"]

    def _load(self, dotted: str, unit: Unit, line: int) -> Module | None:
        if self._walker.search.find(dotted) is None or not self._walker.loader.load(dotted, unit, line):
            return None
        return self._module(dotted)

    def _module(self, dotted: str) -> Module | None:
        path = self._walker.loader.loaded.get(dotted)
        return self._walker.engine.modules.get(path) if path is not None else None

    def _ready(self, module: Module) -> Iterator[Unit]:
        for scope in module.classes:
            if DJANGO_APPS.base in ancestry(self._walker.engine, scope):
                yield from scope.methods.get(DJANGO_APPS.ready, ())

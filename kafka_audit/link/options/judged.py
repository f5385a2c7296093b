"""Which examined versions of a library are options judged by, and what do those have?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kafka_audit.catalog.options import Accepted, accepted, holds, named
from kafka_audit.catalog.schema import Client
from kafka_audit.discover.versions import Declared


@dataclass(frozen=True, slots=True)
class Judged:
    """The versions that options of one client are judged by.

    `by` are the examined versions nearest to what is declared, or the newest that a range allows; an option is rejected
    when all of them reject it. `possible` are all examined versions that the declaration allows. `declared` is what the
    project says, None when it says nothing: then `by` is the newest version.
    """

    client: Client
    distribution: str
    facts: Accepted
    by: tuple[str, ...]
    possible: tuple[str, ...]
    declared: Declared | None

    def rejects(self, name: str) -> bool:
        """Whether the judged versions do not have an option of that name."""
        return not any(self._has(name, version) for version in self.by)

    def always_rejects(self, name: str) -> bool:
        """Whether no version that can be meant has it."""
        return not any(self._has(name, version) for version in {*self.by, *self.possible})

    def never_had(self, name: str) -> bool:
        """Whether no examined version has it."""
        return not any(self._has(name, version) for version in self.facts.examined)

    def names(self) -> list[str]:
        """The options that a judged version has."""
        return sorted(name for name in named(self.client, self.facts) if not self.rejects(name))

    def is_since(self, version: str) -> bool:
        """Whether the judged versions are that one or newer; yes for an empty one."""
        if not version:
            return True
        from packaging.version import Version  # late: most audits ask for no version

        return all(Version(each) >= Version(version) for each in self.by)

    def history(self, name: str) -> tuple[str, str]:
        """The first examined version that has the option when the judged ones come before it, and the first without.

        Either is empty when there is none.
        """
        examined = self.facts.examined
        having = [version for version in examined if self._has(name, version)]
        later = [version for version in having if examined.index(version) > examined.index(self.by[-1])]
        earlier = [version for version in having if examined.index(version) < examined.index(self.by[0])]
        until = examined[examined.index(earlier[-1]) + 1] if earlier else ""
        return (later[0] if later else "", until)

    def _has(self, name: str, version: str) -> bool:
        spans = named(self.client, self.facts).get(name)
        return spans is not None and holds(spans, version, self.facts.examined)


def judged(client: Client, declared: Collection[Declared]) -> Judged | None:
    """What a client's options are judged by; None when no version that is meant was examined.

    Of several declarations in one folder all count: what one of them allows is not rejected.
    """
    distribution = next((each.distribution for each in declared), client.distribution)
    facts = accepted(distribution)
    if facts is None or not named(client, facts):
        return None
    by: list[str] = []
    possible: list[str] = []
    for each in declared:
        if each.distribution == distribution:
            nearest = _nearest(each, facts.examined)
            if not nearest:
                return None
            by += nearest if each.is_pinned else nearest[-1:]
            possible += nearest
    first = next(iter(declared), None)
    verdict = Judged(
        client=client,
        distribution=distribution,
        facts=facts,
        by=tuple(v for v in facts.examined if v in (by or facts.examined[-1:])),
        possible=tuple(v for v in facts.examined if v in (possible or facts.examined)),
        declared=first,
    )
    is_there = all(any(verdict._has(name, version) for name in named(client, facts)) for version in verdict.by)
    return verdict if is_there else None


def _nearest(declared: Declared, examined: tuple[str, ...]) -> list[str]:
    """The examined versions that a declaration can mean: those it allows, or those on either side of a pinned one."""
    from packaging.specifiers import SpecifierSet  # late, as above
    from packaging.version import Version

    try:
        if not declared.is_pinned:
            allowed = SpecifierSet(declared.specifier)
            return [version for version in examined if allowed.contains(version, prereleases=True)]
        wanted = Version(declared.specifier.lstrip("= "))
    except ValueError:  # InvalidSpecifier and InvalidVersion are ValueErrors
        return []
    below = [version for version in examined if Version(version) <= wanted]
    above = [version for version in examined if Version(version) >= wanted]
    if not below:
        return []
    return list(dict.fromkeys([below[-1], *above[:1]]))


def is_at_least(declared: Declared, since: str) -> bool:
    """Whether a declaration can mean that version or a newer one."""
    from packaging.version import Version

    facts = accepted(declared.distribution)
    allowed = _nearest(declared, facts.examined) if facts is not None and not declared.is_pinned else []
    versions = [declared.specifier.lstrip("= ")] if declared.is_pinned else allowed
    try:
        return not versions or any(Version(each) >= Version(since) for each in versions)
    except ValueError:  # InvalidVersion
        return True

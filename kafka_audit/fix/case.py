"""What a repair starts from and what it gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from kafka_audit.facts.schema import At
from kafka_audit.fix.editing.edits import Tree, tree
from kafka_audit.fix.refusal import Refused
from kafka_audit.link.lives.life import Life
from kafka_audit.link.ownership.owning import Owner
from kafka_audit.link.program import Program
from kafka_audit.model import Finding, Safety


class Repair(NamedTuple):
    """A change that removes an alarm: how safe it is, what it does in words, and the new bytes of each file."""

    safety: Safety
    title: str
    changed: dict[str, bytes]


class Case(NamedTuple):
    """One alarm of a linked program, with the bytes of all files by name."""

    program: Program
    finding: Finding
    contents: Mapping[str, bytes]

    @property
    def at(self) -> At:
        """Where the alarm stands."""
        finding = self.finding
        return finding.line, finding.column, finding.end_line, finding.end_column

    @property
    def life(self) -> Life:
        """The client that the alarm is on."""
        for life in self.program.lives.all:
            if life.id == self.finding.producer:
                return life
        raise Refused("the alarm is on no client of the project's own")

    @property
    def owner(self) -> Owner | None:
        """The object that the alarm is on, if it stands where an owner of the client is made."""
        for owner in self.program.owning.roots(self.life):
            if (owner.path, owner.at) == (self.finding.path, self.at):
                return owner
        return None

    def tree(self, path: str) -> Tree:
        """One file."""
        return tree(path, self.contents[path])


Make = Callable[[Case], Repair]

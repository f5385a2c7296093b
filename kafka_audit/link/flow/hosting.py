"""What is recorded of hosts while values flow: which there are, to whom they are given, what closes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.values import Made, Passed

if TYPE_CHECKING:
    from kafka_audit.link.flow.scopes import Unit


@dataclass(eq=False, slots=True)
class Hosting:
    """The hosts of one program.

    `passed` are those given to other libraries, `blind` the calls that include a router which is not known, `closings`
    what closes a dependency container, known or not (a call, the end of a `with`, the mark of a parameter), and `asked`
    the calls that ask one for an object. `replaced` are the applications whose lifespan is assigned later.
    """

    made: dict[s.Call, Made] = field(default_factory=dict)
    passed: dict[tuple[Made, s.Call], Passed] = field(default_factory=dict)
    blind: dict[s.Call, Unit] = field(default_factory=dict)
    closings: dict[tuple[str, Made | None, s.Call | s.Item | s.Subscript], Unit] = field(default_factory=dict)
    replaced: set[Made] = field(default_factory=set)
    asked: dict[tuple[Made | None, s.Call], Unit] = field(default_factory=dict)

    def host(self, name: str, node: s.Call, unit: Unit) -> Made:
        """The host that a call in `unit` creates."""
        found = self.made.get(node)
        if found is None:
            found = self.made[node] = Made(name, unit, node)
        return found

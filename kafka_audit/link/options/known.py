"""What is known of a dict: the keys that the code shows, and whether there may be others."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.scopes import Unit


@dataclass(frozen=True, slots=True)
class Entry:
    """One key: its value where that is known, where it stands, and whether it is there whatever happens."""

    name: str
    value: s.Expr | None
    unit: Unit
    line: int
    is_certain: bool = True


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a dict: entries in the order of their making; not `is_complete` when there may be others."""

    entries: tuple[Entry, ...] = ()
    is_complete: bool = True

    def with_entry(self, entry: Entry) -> Known:
        """The dict after a key is set."""
        kept = [e for e in self.entries if e.name != entry.name or not entry.is_certain]
        return replace(self, entries=(*kept, entry))

    def without(self, name: str) -> Known:
        """The dict after a key may have been taken out."""
        return replace(self, entries=tuple(e for e in self.entries if e.name != name))

    def merged(self, other: Known) -> Known:
        """The dict after `update(other)`: what is not known of the other may hide any value, but removes no key."""
        kept = self if other.is_complete else self.with_hidden_values()
        for entry in other.entries:
            kept = kept.with_entry(entry)
        return replace(kept, is_complete=self.is_complete and other.is_complete)

    def joined(self, other: Known) -> Known:
        """These named arguments beside `**other`: Python lets no name occur twice, so nothing hides a value."""
        return Known((*self.entries, *other.entries), self.is_complete and other.is_complete)

    def with_hidden_values(self) -> Known:
        """The same keys, any of them perhaps set again."""
        return replace(self, entries=tuple(replace(e, value=None) for e in self.entries))

    def perhaps(self) -> Known:
        """The dict when it is one of several that can be meant."""
        return Known(tuple(replace(e, is_certain=False) for e in self.entries), False)


UNKNOWN = Known((), False)

"""How are the switches and the variables that branches ask for, at this moment of a session?"""

from __future__ import annotations

from typing import Final

from kafka_audit.impact.bindings import Binding
from kafka_audit.impact.branches import Switch, Switches, Variable, is_off
from kafka_audit.impact.mocks import Mock
from kafka_audit.impact.replacements import Replacements

OTHERS: Final = "*"
"""Stands for every variable of the environment that is not named: `patch.dict(os.environ, {...}, clear=True)`."""


class States:
    """What is known of one session; variables that nothing has filled yet are empty."""

    def __init__(self, replacements: Replacements) -> None:
        self._replacements = replacements
        self._filled: frozenset[Variable] = frozenset()

    def key(self) -> frozenset[Variable]:
        """What is filled now, as a key."""
        return self._filled

    def assign(self, variable: Variable, *, is_empty: bool) -> None:
        """A variable gets a value."""
        self._filled = self._filled - {variable} if is_empty else self._filled | {variable}

    def forget(self, path: str) -> None:
        """A module is executed from the beginning: its variables are what they are at first."""
        self._filled = frozenset(each for each in self._filled if each.path != path)

    def is_filled(self, variable: Variable) -> bool:
        """Whether a variable holds something, be it a mock."""
        owner = f"{variable.path}:{variable.qualname}" if variable.qualname else variable.path
        held = self._replacements.held(Binding("class" if variable.qualname else "module", owner, variable.name))
        return not held[-1].is_nothing if held else variable in self._filled

    def is_kept(self, variable: Variable) -> bool:
        """Whether something before has filled a variable, and no mock stands for it."""
        return variable in self._filled

    def are_on(self, switches: Switches) -> bool | None:
        """Whether the switches are as they have to be; None when that is not known."""
        states = [self._is_on(each) for each in switches.switches]
        decisive = not switches.needs_all
        if decisive in states:
            return decisive
        return None if None in states else not decisive

    def _is_on(self, switch: Switch) -> bool | None:
        for name in (switch.variable, OTHERS) if switch.variable else ():
            held = self._replacements.held(Binding("env", "", name))
            if held:
                return not is_off(_value(held[-1], name))
        return None


def _value(mock: Mock, name: str) -> str:
    return dict(zip((binding.name for binding in mock.bindings), mock.values, strict=False)).get(name, "")

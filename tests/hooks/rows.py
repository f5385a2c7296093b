"""What does the catalogue say of a target?"""

from __future__ import annotations

from kafka_audit.catalog.hooks import hooks_for


def condition(target: str) -> str:
    """The condition under which the target's hooks run; raises ValueError unless its rows agree on one."""
    (live,) = {hook.live for hook in hooks_for(target)}
    return live


def scope(target: str) -> str:
    """The scope of the target's hooks; raises ValueError unless its rows agree on one."""
    (found,) = {hook.scope for hook in hooks_for(target)}
    return found

"""On objects of which classes does a method run, when it is called so?

The methods of a base class serve all classes below it: what `self.client` holds, and which `self.make()` runs, depends
on the object. Its class is known where it was made in sight, and stays known as long as methods call each other on it.
"""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import CallFact, Calling, Engine
from kafka_audit.link.flow.families import ancestry, descendants
from kafka_audit.link.flow.scopes import ClassScope, Unit
from kafka_audit.link.flow.values import ClientObject, Instance, Value
from kafka_audit.link.lives.life import Lives

Classes = frozenset[ClassScope] | None
"""The very classes that an object can be of; None when it can be of any."""


class Selves:
    """The answers for one settled engine."""

    def __init__(self, engine: Engine, lives: Lives) -> None:
        self.engine, self.lives = engine, lives

    def after(self, fact: CallFact | None, callee: Unit, before: Classes) -> Classes:
        """The classes of the object on which this call runs the method, if the caller runs on one of those `before`."""
        if fact is None or callee.method_of is None or not self._is_shared(callee.method_of):
            return None
        found: set[ClassScope] = set()
        for receiver in fact.callees[callee]:
            known = self._of(fact, receiver, before)
            if known is None:
                return None
            found |= known
        return frozenset(found)

    def may_run(self, fact: CallFact, callee: Unit, before: Classes) -> bool:
        """Whether the call can run this one of its callees, if the caller runs on an object of one of these classes."""
        if before is None or callee.function is None or not _on_self(fact.unit, called_on(fact.node)):
            return True
        name = callee.function.name
        return any(callee in self._nearest(scope, name) for scope in before)

    def may_hold(self, unit: Unit, held: s.Expr | None, client: Value, classes: Classes) -> bool:
        """Whether what a method reads off its object can be this client, if the object is of one of these classes.

        A client is no other class's if its keeper, or the class that made it for a keeper above, is none of the object.
        """
        is_own = isinstance(held, s.Attribute) and _on_self(unit, held.value)
        if classes is None or not is_own or not isinstance(client, ClientObject):
            return True
        keepers, maker = self.lives.holdings.fields(client), client.site.unit.method_of
        return not keepers or any(self._may_keep(scope, keepers, maker) for scope in classes)

    def _of(self, fact: CallFact, receiver: Value | None, before: Classes) -> Classes:
        if not isinstance(receiver, Instance):
            return None
        if receiver.origin is not None:
            return frozenset((receiver.scope,))
        called = called_on(fact.node)
        return before if _on_self(fact.unit, called) or _is_super(called) else None

    def _is_shared(self, scope: ClassScope) -> bool:
        """Whether objects of several classes have the methods or the fields of this one."""
        above = (base for base in ancestry(self.engine, scope) if isinstance(base, ClassScope) and base is not scope)
        return bool(descendants(self.engine, scope)) or any(above)

    def _nearest(self, scope: ClassScope, name: str) -> list[Unit]:
        """The definitions of a method that objects of this very class have."""
        line = (base for base in ancestry(self.engine, scope) if isinstance(base, ClassScope))
        return next((base.methods[name] for base in line if name in base.methods), [])

    def _may_keep(self, scope: ClassScope, keepers: list[ClassScope], maker: ClassScope | None) -> bool:
        line = ancestry(self.engine, scope)
        return any(
            keeper in line and (maker is None or maker in line or keeper not in ancestry(self.engine, maker))
            for keeper in keepers
        )


def called_on(node: Calling | None) -> s.Expr | None:
    """The object of a method call; what `with` enters, or a loop goes through."""
    if isinstance(node, s.Item):
        return node.value
    if isinstance(node, s.For):
        return node.iterable
    return node.function.value if node is not None and isinstance(node.function, s.Attribute) else None


def _on_self(unit: Unit, expression: s.Expr | None) -> bool:
    """Whether an expression of a method is the object that it runs on."""
    function = unit.function if unit.method_of is not None else None
    first = function.parameters[0].name if function is not None and function.parameters else ""
    return isinstance(expression, s.Name) and expression.id == first


def _is_super(expression: s.Expr | None) -> bool:
    match expression:
        case s.Call(s.Name("super")):
            return True
    return False

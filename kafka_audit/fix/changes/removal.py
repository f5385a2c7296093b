"""Exit handlers that cannot work: their registration goes, and with it what nothing else uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

import libcst as cst

from kafka_audit.facts.schema import At
from kafka_audit.fix.editing.blocks import only, plain_call
from kafka_audit.fix.editing.edits import Tree
from kafka_audit.fix.editing.imports import bound_name
from kafka_audit.fix.refusal import Refused

REGISTRARS = frozenset({"register", "finalize"})
"""`atexit.register` and `weakref.finalize`: what is handed to them has no other purpose than to release."""


WITHOUT_A_LOOP = frozenset(
    {"run", "create_task", "ensure_future", "run_until_complete", "get_event_loop", "get_running_loop"}
    | {"new_event_loop", "set_event_loop", "is_running", "is_closed", "hasattr", "getattr"}
    | {"stop", "close", "aclose", "shutdown", "disconnect"}
)
"""What a `__del__` calls that tries to release a client, and does nothing else."""


def without_handler(tree: Tree, at: At, others: Mapping[str, bytes]) -> bytes:
    """The file without the exit handler that is registered at a place; `others` are the project's other files."""
    gone: set[cst.CSTNode] = set()
    call = next((node for node in tree.every(cst.Call) if tree.span(node) == at), None)
    if call is not None:
        gone.update(_registration(tree, call, others))
    else:
        gone.update(_decorated(tree, at[0], others))
    return tree.without({*gone, *_unused_imports(tree, gone)})


def _registration(tree: Tree, call: cst.Call, others: Mapping[str, bytes]) -> Iterator[cst.CSTNode]:
    """The statement that registers a handler, and the handler if it is for nothing else."""
    last = call.func.attr.value if isinstance(call.func, cst.Attribute) else tree.code(call.func)
    if last not in REGISTRARS:
        raise Refused(f"`{tree.code(call.func)}` does more than release when the program ends")
    statement = tree.statement(call)
    if plain_call(statement) is not call:
        raise Refused("what the registration returns is used")
    yield statement
    for argument in call.args:
        if isinstance(argument.value, cst.Name):
            yield from _handler(tree, argument.value, others)


def _handler(tree: Tree, name: cst.Name, others: Mapping[str, bytes]) -> Iterator[cst.CSTNode]:
    """The function of that name, if nothing but the registration speaks of it."""
    functions = [each for each in tree.every(cst.FunctionDef) if each.name.value == name.value]
    inside = {node for function in functions for node in _names(tree, function)}
    uses = [node for node in tree.every(cst.Name) if node.value == name.value and node not in inside]
    words = (name.value.encode(), PurePosixPath(tree.path).stem.encode())
    mentioned = any(all(word in data for word in words) for path, data in others.items() if path != tree.path)
    if len(functions) == 1 and uses in ([], [name]) and not mentioned:
        yield functions[0]


def _names(tree: Tree, function: cst.FunctionDef) -> Iterator[cst.Name]:
    return (node for node in tree.every(cst.Name) if any(each is function for each in tree.around(node)))


def _decorated(tree: Tree, line: int, others: Mapping[str, bytes]) -> Iterator[cst.CSTNode]:
    """The function that a decorator registers, if nothing else speaks of it; else the decorator."""
    for function in tree.every(cst.FunctionDef):
        for decorator in function.decorators:
            last = tree.code(decorator.decorator).rpartition(".")[2]
            if tree.line(function) == line and last in REGISTRARS:
                handler = list(_handler(tree, function.name, others)) if not _is_used(tree, function) else []
                yield from handler or [decorator]
                return
        if tree.line(function) == line and function.name.value == "__del__":
            called = {
                tree.code(node.func).rpartition(".")[2] for node in tree.every(cst.Call) if _is_in(tree, node, function)
            }
            if not called <= WITHOUT_A_LOOP:
                raise Refused("`__del__` does more than release the client")
            yield function
            return
    raise Refused("it is no handler that was registered by a call or a decorator")


def _is_in(tree: Tree, node: cst.CSTNode, outer: cst.CSTNode) -> bool:
    return any(each is outer for each in tree.around(node))


def _is_used(tree: Tree, function: cst.FunctionDef) -> bool:
    name = function.name.value
    return any(node.value == name and node is not function.name for node in tree.every(cst.Name))


def _unused_imports(tree: Tree, gone: set[cst.CSTNode]) -> Iterator[cst.CSTNode]:
    """The imports of one name that only what goes has used."""

    def goes(node: cst.CSTNode) -> bool:
        return any(each in gone for each in tree.around(node))

    used = {node.value for node in tree.every(cst.Name) if goes(node)}
    for line in tree.every(cst.SimpleStatementLine):
        small = only(line)
        if not isinstance(small, cst.Import | cst.ImportFrom) or isinstance(small.names, cst.ImportStar):
            continue
        names = [bound_name(alias) for alias in small.names]
        if len(names) != 1 or names[0] not in used or goes(line):
            continue
        left = (node for node in tree.every(cst.Name) if node.value == names[0] and not goes(node))
        if all(any(each is line for each in tree.around(node)) for node in left):
            yield line

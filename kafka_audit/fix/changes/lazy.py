"""A client that a module makes while it is imported: it is made on first use instead, once, and released beside it.

Every reader in every file asks the accessor. What started the client asks it, too, so that the start comes no later
than it did; what released it calls the release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import libcst as cst

from kafka_audit.fix.changes.readers import Reader, Use, readers
from kafka_audit.fix.editing.blocks import only, plain_call
from kafka_audit.fix.editing.edits import Changes, Tree, Trees
from kafka_audit.fix.editing.imports import Needed, bound_name
from kafka_audit.fix.refusal import Refused
from kafka_audit.fix.subject import release_method
from kafka_audit.link.flow.scopes import Unit
from kafka_audit.link.flow.values import Place
from kafka_audit.link.lives.life import Life
from kafka_audit.link.program import Program

RUNNERS = frozenset({"run", "run_until_complete"})
"""What runs a coroutine to its end from code that is none."""


class Making(NamedTuple):
    """How the variable is filled: the statement, the expression that makes the client, and what remains to be done.

    `kind` is how the file writes the client's class, if it does. `is_awaited`: the expression is a coroutine, which
    starts what it gives. `starts`: the client is yet to be started.
    """

    statement: cst.SimpleStatementLine
    expression: cst.Call
    kind: str
    is_awaited: bool
    starts: bool


class Names(NamedTuple):
    """What the code that takes the variable's place is called, and whether the accessor is awaited."""

    old: str
    variable: str
    lock: str
    accessor: str
    release: str
    is_awaited: bool


def made_on_use(program: Program, trees: Trees, life: Life, contents: Mapping[str, bytes]) -> dict[str, bytes]:
    """The new bytes of each file. Raises `Refused` unless every reader is known and can ask the accessor."""
    place = life.holding.at
    if place is None or place.kind != "module" or not isinstance(place.owner, Unit):
        raise Refused("it is not kept in a variable of a module")
    tree = trees[place.owner.module.path]
    making = _making(tree, place.name, life)
    names = _names(place, making, life)
    changed = {}
    found = readers(program.engine, trees, tree.path, names.old, contents)
    is_released = any(_is_release(reader.tree, use, life) for reader in found for use in reader.uses)
    if life.site.client.flush_is_release and not is_released:
        names = names._replace(release="")  # somebody flushes it in another way, or KA207 has its own repair
    for reader in found:
        changes = Changes()
        for use in reader.uses:
            _rewrite(changes, reader.tree, use, names, life)
        needed: list[Needed] = []
        if reader.tree is tree:
            needed = _replace_definition(changes, tree, making, names, life)
        elif reader.brought_by is not None:
            _replace_import(changes, reader, names)
        changed[reader.tree.path] = reader.tree.rewritten(changes, needed)
    return changed


def _making(tree: Tree, variable: str, life: Life) -> Making:
    """The statement of the module itself that fills the variable."""
    for statement in tree.module.body:
        small = only(statement)
        if not isinstance(small, cst.Assign | cst.AnnAssign) or not isinstance(statement, cst.SimpleStatementLine):
            continue
        targets = [each.target for each in small.targets] if isinstance(small, cst.Assign) else [small.target]
        if [tree.code(each) for each in targets] == [variable] and isinstance(small.value, cst.Call):
            return _made_by(tree, statement, small.value, life)
    raise Refused("it is not simply given to one variable of the module")


def _made_by(tree: Tree, statement: cst.SimpleStatementLine, value: cst.Call, life: Life) -> Making:
    client = life.site.client
    if any(each.keyword is not None and each.keyword.value == "loop" for each in value.args):
        raise Refused("it is given an event loop", "make it without one, in a coroutine of the loop that is to use it")
    if tree.path == life.path and tree.span(value) == life.site.node.at:
        return Making(statement, value, tree.code(value.func), False, bool(client.start))
    inner = value.args[0].value if len(value.args) == 1 else None
    if tree.code(value.func).rpartition(".")[2] in RUNNERS and isinstance(inner, cst.Call):
        return Making(statement, inner, "", True, False)
    if client.is_async:
        raise Refused("it is made by a function that is called while a module is imported")
    return Making(statement, value, "", False, False)


def _names(place: Place, making: Making, life: Life) -> Names:
    old, client = place.name, life.site.client
    stem = old.strip("_").lower()
    verb = "flush" if client.flush_is_release else "close"
    names = Names(
        old=old,
        variable=old if old.startswith("_") else f"_{old}",
        lock=f"_{stem}_lock",
        accessor=f"get_{stem}",
        release=f"{verb}_{stem}",
        is_awaited=making.is_awaited or (bool(client.start) and client.is_async),
    )
    owner = place.owner
    assert isinstance(owner, Unit)
    for name in {names.variable, names.lock, names.accessor, names.release} - {old}:
        if name in owner.bound:
            raise Refused(f"`{name}` means something else already")
    return names


def _rewrite(changes: Changes, tree: Tree, use: Use, names: Names, life: Life) -> None:
    """One use asks the accessor, or is the start or the release themselves."""
    node, client = use.node, life.site.client
    attribute = tree.parent(node)
    started = _started_at_import(tree, node, life)
    if started is not None:
        changes.remove(started)
        return
    _check_place(tree, node, names, life)
    call, method = _called(tree, node)
    if call is not None and method in client.start and not call.args:
        changes[call] = lambda _: cst.parse_expression(f"{use.prefix}{names.accessor}()")
        return
    if call is not None and _is_release(tree, use, life):
        changes[call] = lambda _: cst.parse_expression(f"{use.prefix}{names.release}()")
        return
    asked: cst.BaseExpression = cst.parse_expression(f"{use.prefix}{names.accessor}()")
    if names.is_awaited:
        asked = cst.Await(asked)
        if isinstance(attribute, cst.Attribute | cst.Subscript | cst.Call | cst.Await):
            asked = asked.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    changes[node] = lambda _: asked


def _called(tree: Tree, node: cst.CSTNode) -> tuple[cst.Call | None, str]:
    """The call of a method of what the expression gives, and the method; no call when it is used otherwise."""
    attribute = tree.parent(node)
    if isinstance(attribute, cst.Attribute) and attribute.value is node:
        call = tree.parent(attribute)
        if isinstance(call, cst.Call) and call.func is attribute:
            return call, attribute.attr.value
    return None, ""


def _is_release(tree: Tree, use: Use, life: Life) -> bool:
    """Whether a use is the release itself."""
    call, method = _called(tree, use.node)
    return call is not None and method == release_method(life) and not call.args


def _started_at_import(tree: Tree, node: cst.CSTNode, life: Life) -> cst.CSTNode | None:
    """The statement of the module itself that does nothing but run the start: `asyncio.run(producer.start())`."""
    statement = tree.outermost(node)
    run = plain_call(statement)
    inner = run.args[0].value if run is not None and len(run.args) == 1 else None
    if run is None or tree.code(run.func).rpartition(".")[2] not in RUNNERS or not isinstance(inner, cst.Call):
        return None
    is_start = isinstance(inner.func, cst.Attribute) and inner.func.attr.value in life.site.client.start
    return statement if is_start and inner.func.value is node else None  # type: ignore[attr-defined]


def _check_place(tree: Tree, node: cst.CSTNode, names: Names, life: Life) -> None:
    """Raise `Refused` unless the accessor can be asked where the variable is read."""
    where = f"`{names.old}` is read"
    if isinstance(tree.parent(node), cst.AssignTarget | cst.AnnAssign | cst.AugAssign):
        raise Refused(f"{tree.path} gives `{names.old}` another value")
    if isinstance(tree.parent(node), _TESTS):
        raise Refused(f"{where} to ask whether it is there, and asking for it would make it")
    for current in tree.around(node):
        if isinstance(current, cst.Decorator | cst.Param | cst.ClassDef):
            raise Refused(f"{where} while a module is imported")
        if isinstance(current, cst.Lambda | cst.BaseComp | cst.Comparison | cst.WithItem | cst.Del):
            raise Refused(f"{where} in {_ARTICLES[_kind(current)]}, where it cannot be asked for")
        if isinstance(current, cst.FunctionDef):
            if life.site.client.is_async and current.asynchronous is None:
                raise Refused(f"{where} by `{current.name.value}`, which cannot await it")
            return
    raise Refused(f"{where} while a module is imported")


_TESTS = (cst.If, cst.IfExp, cst.While, cst.Assert, cst.UnaryOperation, cst.BooleanOperation)
"""What asks an expression that stands directly in it whether it is true."""


def _kind(node: cst.CSTNode) -> str:
    return next(name for name in _ARTICLES if isinstance(node, getattr(cst, name)))


_ARTICLES = {
    "Lambda": "a lambda",
    "BaseComp": "a comprehension",
    "Comparison": "a comparison",
    "WithItem": "a `with` statement",
    "Del": "a `del` statement",
}


def _replace_import(changes: Changes, reader: Reader, names: Names) -> None:
    """The import brings the accessor, and the release where that is called, in place of the variable."""
    statement = reader.brought_by
    assert statement is not None
    assert not isinstance(statement.names, cst.ImportStar)
    code = reader.tree.module.visit(_Emptied(changes))
    wanted = [name for name in (names.release, names.accessor) if name and _mentions(code, name)]
    bound = {bound_name(a) for each in reader.tree.every(cst.ImportFrom) for a in _aliases(each)}
    if bound & set(wanted):
        raise Refused(f"{reader.tree.path} has other names like those of the accessor and the release")
    kept = [alias for alias in statement.names if alias.evaluated_name != names.old]
    new = [cst.ImportAlias(cst.Name(name)) for name in wanted or [names.accessor]]
    merged = [*kept, *new]
    if [a.evaluated_name for a in kept] == sorted(a.evaluated_name for a in kept):
        merged.sort(key=lambda alias: alias.evaluated_name)
    commas = [alias.comma for alias in statement.names]
    between = commas[0] if len(commas) > 1 else cst.MaybeSentinel.DEFAULT
    ordered = [a.with_changes(comma=commas[-1] if i == len(merged) - 1 else between) for i, a in enumerate(merged)]
    changes[statement] = lambda each: each.with_changes(names=ordered)


def _aliases(statement: cst.ImportFrom) -> list[cst.ImportAlias]:
    return [] if isinstance(statement.names, cst.ImportStar) else list(statement.names)


class _Emptied(cst.CSTTransformer):
    """Applies the changes made so far, to see which names they need."""

    def __init__(self, changes: Changes) -> None:
        super().__init__()
        self._changes = changes

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        """Change what is to change."""
        edit = self._changes.get(original_node)
        return updated_node if edit is None else edit(updated_node)


def _mentions(module: cst.Module, name: str) -> bool:
    found: list[bool] = []

    class Look(cst.CSTVisitor):
        def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
            found.append(node.value == name)

    module.visit(Look())
    return any(found)


def _replace_definition(changes: Changes, tree: Tree, making: Making, names: Names, life: Life) -> list[Needed]:
    """The accessor and the release in the place of the construction."""
    code, needed = _code(tree, making, names, life)
    first, *rest = tree.definitions(code)
    variable = first.with_changes(
        leading_lines=making.statement.leading_lines, trailing_whitespace=making.statement.trailing_whitespace
    )
    new: list[Any] = [each.visit(_Placed(making.expression)) for each in (variable, *rest)]
    if needed:
        new[1] = new[1].with_changes(leading_lines=[])
    changes[making.statement] = lambda _: cst.FlattenSentinel(new)
    _space_after(changes, tree, making.statement)
    return needed


def _space_after(changes: Changes, tree: Tree, statement: cst.CSTNode) -> None:
    """Two blank lines between the new functions and what follows them."""
    body = list(tree.module.body)
    after = [each for each in body[body.index(statement) + 1 :] if each not in changes.removed]  # type: ignore[arg-type]
    if not after:
        return
    blank = cst.EmptyLine(indent=False)

    def spaced(node: Any) -> Any:
        first = next(iter(node)) if isinstance(node, cst.FlattenSentinel) else node
        lines = list(first.leading_lines)
        while lines and lines[0].comment is None:
            lines.pop(0)
        return first.with_changes(leading_lines=[blank, blank, *lines])

    changes.also(after[0], spaced)


class _Placed(cst.CSTTransformer):
    """Puts the construction, as it was written, where the template stands for it."""

    def __init__(self, call: cst.Call) -> None:
        super().__init__()
        self._call = call

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:  # noqa: N802
        """The construction for its placeholder."""
        return self._call if original_node.value == _PLACEHOLDER else updated_node


_PLACEHOLDER = "THE_CONSTRUCTION"


def _code(tree: Tree, making: Making, names: Names, life: Life) -> tuple[str, list[Needed]]:
    """The code in place of the construction, and the names that it needs."""
    client = life.site.client
    noun = client.name.rpartition(".")[2]
    kind = making.kind if tree.is_annotated else ""
    needs_lock = making.is_awaited or making.starts or not client.is_async
    library = "asyncio" if client.is_async else "threading"
    prefix = "async " if client.is_async else ""
    body = [f"if {names.variable} is None:", *_indented(_filling(making, names, life)), f"return {names.variable}"]
    if needs_lock:
        body = [f"{prefix}with {names.lock}:", *_indented(body)]
    started = "made and started" if making.starts or making.is_awaited else "made"
    text = f'"""Return the {noun} of this process, {started} on first use."""'
    lines = [f"{names.variable}{f': {kind} | None' if kind else ''} = None"]
    lines += [f"{names.lock} = {library}.Lock()"] if needs_lock else []
    lines += [f"{'async ' if names.is_awaited else ''}def {names.accessor}(){f' -> {kind}' if kind else ''}:"]
    lines += _indented([text, f"global {names.variable}", *body])
    if names.release:
        lines += [f"{prefix}def {names.release}(){' -> None' if tree.is_annotated else ''}:"]
        lines += _indented(_release(names, life, needs_lock))
    return "\n".join(lines) + "\n", [Needed(library)] if needs_lock else []


def _indented(lines: Iterable[str]) -> list[str]:
    return [f"    {line}" for line in lines]


def _local(names: Names) -> str:
    """A name for the client inside the functions."""
    stem = names.old.strip("_").lower()
    return stem if stem != names.variable else "made"


def _filling(making: Making, names: Names, life: Life) -> list[str]:
    """The statements that make the client and put it into the variable once it is started."""
    client, local = life.site.client, _local(names)
    if not making.starts:
        return [f"{names.variable} = {'await ' if making.is_awaited else ''}{_PLACEHOLDER}"]
    waits = "await " if client.is_async else ""
    return [
        f"{local} = {_PLACEHOLDER}",
        "try:",
        f"    {waits}{local}.{client.start[0]}()",
        "except BaseException:",
        f"    {waits}{local}.{release_method(life)}()",
        "    raise",
        f"{names.variable} = {local}",
    ]


def _release(names: Names, life: Life, needs_lock: bool) -> list[str]:
    client, local = life.site.client, _local(names)
    noun = client.name.rpartition(".")[2]
    waits, prefix = ("await ", "async ") if client.is_async else ("", "")
    if client.flush_is_release:
        return [
            f'"""Deliver what the {noun} still holds, if there is one."""',
            f"if {names.variable} is not None:",
            f"    {waits}{names.variable}.{release_method(life)}()",
        ]
    release = [
        f"{local}, {names.variable} = {names.variable}, None",
        f"if {local} is not None:",
        f"    {waits}{local}.{release_method(life)}()",
    ]
    if needs_lock:
        release = [f"{prefix}with {names.lock}:", *_indented(release)]
    return [f'"""Release the {noun}, if there is one."""', f"global {names.variable}", *release]

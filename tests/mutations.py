"""How can one well-behaved program be broken in its release, and in nothing else?

Mutations are made on the syntax tree and written back as text: what the audit says of them is compared by producer, so
lines do not matter. Where the releases stand is taken from the report on the unbroken program.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple, TypeAlias

from kafka_audit.model import Producer, Release
from tests.in_memory import Audited, Texts, audited

Edit: TypeAlias = Callable[[ast.AST], "list[ast.stmt] | ast.expr | None"]

NO_REGISTRATION = {"contextmanager", "asynccontextmanager", "property", "staticmethod", "classmethod", "overload"}
NO_REGISTRATION |= {
    "cache",
    "lru_cache",
    "cached_property",
    "fixture",
    "dataclass",
    "abstractmethod",
    "override",
    "coroutine",
}
"""Decorators that hand the function to nobody who calls it later."""


class Mutation(NamedTuple):
    """One way to break a release: what was done, at which line, the changed sources, and the producers that lose it."""

    what: str
    path: str
    line: int
    changed: dict[str, str]
    producers: tuple[str, ...]


def mutations(texts: Texts, quiet: Collection[Producer]) -> Iterator[Mutation]:
    """Every mutation of the only release of one of these producers, which have no alarm; in a fixed order."""
    project = _Project(texts, quiet)
    for producer in quiet:
        if producer.released.by:
            yield project.deletion(producer)
            yield from project.early_flushes(producer)
    yield from project.lost_finallies()
    yield from project.lost_registrations()


def alarmed(after: Audited, producer: str) -> bool:
    """Whether a lifecycle alarm concerns the producer: it names it, or stands where an object that owns it is made."""
    owned = {(root.path, root.line) for each in after.producers if each.id == producer for root in each.roots}
    return any(
        finding.category != "import-time"
        and (finding.producer == producer or (finding.code == "KA205" and (finding.path, finding.line) in owned))
        for finding in after.findings
    )


class _Project:
    """The parsed files of one project, with its quiet producers."""

    def __init__(self, texts: Texts, quiet: Collection[Producer]) -> None:
        self.texts, self.quiet = texts, quiet
        self.trees = {path: ast.parse(text) for path, text in texts.items()}
        self.releases = [release for producer in quiet for release in producer.released.by]
        self.releasing = _reaching(self.trees, [(release.path, release.line) for release in self.releases])

    def changed(self, edits: Mapping[tuple[str, ast.AST], Edit]) -> dict[str, str]:
        """The sources with the edited nodes; the trees themselves stay as they are."""
        changed = {}
        for name in sorted({each for each, _ in edits}):
            here = {node: edit for (each, node), edit in edits.items() if each == name}
            changed[name] = ast.unparse(ast.fix_missing_locations(_rewritten(self.trees[name], here)))
        return changed

    def losing(self, edits: Mapping[tuple[str, ast.AST], Edit]) -> tuple[str, ...]:
        """The producers that alarm once these edits have taken a release away altogether."""
        after = audited({**self.texts, **self.changed(edits)})
        return tuple(producer.id for producer in self.quiet if alarmed(after, producer.id))

    def deletion(self, producer: Producer) -> Mutation:
        """All releases of a producer are deleted, or every `with` on it becomes a plain assignment."""
        edits: dict[tuple[str, ast.AST], Edit] = {}
        for release in producer.released.by:
            edits.update(self._without(producer, release))
        entered = all(release.how.startswith("with ") for release in producer.released.by)
        what = "with-made-plain" if entered else "release-deleted"
        first = producer.released.by[0]
        return Mutation(what, first.path, first.line, self.changed(edits), (producer.id,))

    def _without(self, producer: Producer, release: Release) -> dict[tuple[str, ast.AST], Edit]:
        """The edit that takes one release away."""
        tree, path, line = self.trees[release.path], release.path, release.line
        if release.how.startswith("with "):
            holder = next(node for node in ast.walk(tree) if _item(node, line, release.how) is not None)
            return {(path, holder): _plain(line, release.how, producer)}
        if ".enter_" in release.how:
            return {(path, _statement(tree, line)): _not_entered(producer)}
        return {(path, _statement(tree, line)): _emptied(release.how)}

    def early_flushes(self, producer: Producer) -> Iterator[Mutation]:
        """A flush moves before the statement that fills the buffer."""
        [release, *others] = producer.released.by
        if others or ".flush(" not in release.how:
            return
        for block, index in _blocks(self.trees[release.path]):
            statement, before = block[index], block[index - 1]
            if not index or not isinstance(statement, ast.Expr) or not _spans(statement, release.line):
                continue
            if ".produce(" in ast.unparse(before):
                edits = {(release.path, before): _putting_first(statement), (release.path, statement): _nothing}
                yield Mutation("flush-moved-up", release.path, release.line, self.changed(edits), (producer.id,))

    def lost_finallies(self) -> Iterator[Mutation]:
        """A `finally` that leads to a release: its code follows the `try`, or moves to the end of its body."""
        for path, tree in self.trees.items():
            for node in _tries(tree):
                if not self._leads_to_release(path, node.finalbody):
                    continue
                losing = self.losing({(path, node): _without_finally})
                edits: dict[str, Edit] = {"finally-dropped": _straight, "finally-moved-into-try": _into_body}
                for what, edit in edits.items() if losing else ():
                    yield Mutation(what, path, node.finalbody[0].lineno, self.changed({(path, node): edit}), losing)

    def _leads_to_release(self, path: str, block: list[ast.stmt]) -> bool:
        for statement in block:
            if any(release.path == path and _spans(statement, release.line) for release in self.releases):
                return True
            if any(isinstance(node, ast.Call) and _name(node.func) in self.releasing for node in ast.walk(statement)):
                return True
        return False

    def lost_registrations(self) -> Iterator[Mutation]:
        """A function that leads to a release, and that somebody was told to call, is not registered any more."""
        for path, tree in self.trees.items():
            for node in ast.walk(tree):
                for line, hook, edit in self._registrations(node):
                    if any((release.path, release.line) == (path, line) for release in self.releases):
                        continue  # it registers the client's own release, which is deleted elsewhere
                    losing = self.losing(self._emptied_function(path, hook))
                    if losing:
                        yield Mutation("registration-dropped", path, line, self.changed({(path, node): edit}), losing)

    def _emptied_function(self, path: str, name: str) -> dict[tuple[str, ast.AST], Edit]:
        """The functions of this name in the file, or else in all files, without what they do."""
        found = {(p, node): _hollow for p, tree in self.trees.items() for node in _functions(tree) if node.name == name}
        here = {(p, node): edit for (p, node), edit in found.items() if p == path}
        return dict(here or found)

    def _registrations(self, node: ast.AST) -> Iterator[tuple[int, str, Edit]]:
        """(line, function, edit) of every way in which a node hands on a function that leads to a release."""
        hooks = self.releasing
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in hooks:
            for decorator in node.decorator_list:
                plain = decorator.func if isinstance(decorator, ast.Call) else decorator
                if _name(plain) not in NO_REGISTRATION:
                    yield decorator.lineno, node.name, _without_decorator(decorator)
        if isinstance(node, ast.Call):
            for keyword in node.keywords:
                if hook := _handed_on(keyword.value, hooks):
                    yield keyword.value.lineno, hook, _without_keyword(keyword)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            calls = _name(node.value.func) == "add_event_handler"
            for hook in filter(None, [_handed_on(each, hooks, calls) for each in node.value.args]):
                yield node.lineno, hook, _nothing
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.List):
            kept = isinstance(node.targets[0], ast.Attribute) or node.col_offset
            if kept and (hook := _handed_on(node.value, hooks)):
                yield node.lineno, hook, _nothing


def _handed_on(value: ast.expr, hooks: Collection[str], calls: bool = False) -> str:
    """Which of the functions the expression names without calling it; empty for none."""
    match value:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name if name in hooks else ""
        case ast.List(elements) | ast.Tuple(elements):
            return next(filter(None, [_handed_on(each, hooks, calls) for each in elements]), "")
        case ast.Call(function) if calls:
            return _handed_on(function, hooks)
    return ""


def _reaching(trees: Mapping[str, ast.Module], places: Collection[tuple[str, int]]) -> set[str]:
    """The names of the functions around these places, and of those that call them or hand them on, by name alone."""
    functions = [(path, node) for path, tree in trees.items() for node in _functions(tree)]
    found = {f.name for path, f in functions if any(path == p and _spans(f, line) for p, line in places)}
    while True:
        more = {f.name for _, f in functions if f.name not in found and _mentions(f, found)}
        if not more:
            return found
        found |= more


def _mentions(function: ast.AST, names: Collection[str]) -> bool:
    return any(isinstance(n, ast.Name | ast.Attribute) and _name(n) in names for n in ast.walk(function))


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(name) | ast.Attribute(attr=name):
            return name
    return ""


def _spans(node: ast.stmt, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or node.lineno)


def _functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _tries(tree: ast.AST) -> list[ast.Try]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Try) and node.finalbody]


def _blocks(tree: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    """Every statement as its block and its index there."""
    for node in ast.walk(tree):
        for name in ("body", "orelse", "finalbody"):
            block = getattr(node, name, None)
            if isinstance(block, list):
                yield from ((block, index) for index in range(len(block)))


def _statement(tree: ast.AST, line: int) -> ast.stmt:
    """The innermost statement at a line."""
    every = [node for node in ast.walk(tree) if isinstance(node, ast.stmt) and _spans(node, line)]
    return min(every, key=lambda node: (node.end_lineno or 0) - node.lineno)


def _item(node: ast.AST, line: int, how: str) -> ast.withitem | None:
    """The item of a `with` statement that a report writes as `how`."""
    if not isinstance(node, ast.With | ast.AsyncWith):
        return None
    stem = how.removeprefix("with ").partition("(")[0]
    here = [i for i in node.items if i.context_expr.lineno == line and ast.unparse(i.context_expr).startswith(stem)]
    return here[0] if here else None


def _nothing(node: ast.AST) -> list[ast.stmt]:
    return [ast.Pass()]


def _putting_first(statement: ast.stmt) -> Edit:
    def edit(node: ast.AST) -> list[ast.stmt]:
        assert isinstance(node, ast.stmt)
        return [statement, node]

    return edit


def _emptied(how: str) -> Edit:
    """The statement without the release: nothing, or `None` for what the release gave."""

    def edit(node: ast.AST) -> list[ast.stmt]:
        match node:
            case ast.Assign(targets):
                return [ast.Assign(targets, ast.Constant(None))]
            case ast.Return():
                return [ast.Return(ast.Constant(None))]
            case ast.Expr() | ast.While():
                return [ast.Pass()]
        raise AssertionError(f"no way is known to delete `{how}` from {ast.unparse(node)}")

    return edit


def _hollow(node: ast.AST) -> list[ast.stmt]:
    """A function that does nothing; a generator still yields once."""
    assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    yields = any(isinstance(inner, ast.Yield) for inner in ast.walk(node))
    body: list[ast.stmt] = [ast.Expr(ast.Yield(None))] if yields else [ast.Pass()]
    return [type(node)(**{**dict(ast.iter_fields(node)), "body": body})]


def _plain(line: int, how: str, producer: Producer) -> Edit:
    """The `with` statement without one of its items, which becomes an assignment and a start."""

    def edit(node: ast.AST) -> list[ast.stmt]:
        assert isinstance(node, ast.With | ast.AsyncWith)
        item = _item(node, line, how)
        assert item is not None
        value = item.context_expr
        if isinstance(value, ast.Call) and _name(value.func) in {"closing", "aclosing"}:
            value = value.args[0]
        target = item.optional_vars or (value if isinstance(value, ast.Name) else ast.Name("entered", ast.Store()))
        before: list[ast.stmt] = [ast.Assign([target], value)] if target is not value else []
        if producer.client.startswith("aiokafka"):
            before.append(ast.Expr(ast.Await(_call(target, "start"))))
        others = [each for each in node.items if each is not item]
        rest = [type(node)(others, node.body)] if others else node.body
        return [*before, *rest]

    return edit


def _not_entered(producer: Producer) -> Edit:
    """`target = await stack.enter_async_context(client)` without the stack; the client is started by hand."""

    def edit(node: ast.AST) -> list[ast.stmt]:
        [call] = [n for n in ast.walk(node) if isinstance(n, ast.Call) and _name(n.func).startswith("enter_")]
        target = node.targets[0] if isinstance(node, ast.Assign) else ast.Name("entered", ast.Store())
        started = ast.Expr(ast.Await(_call(target, "start"))) if producer.client.startswith("aiokafka") else ast.Pass()
        return [ast.Assign([target], call.args[0]), started]

    return edit


def _call(value: ast.expr, name: str) -> ast.Call:
    return ast.Call(ast.Attribute(value, name, ast.Load()), [], [])


def _without_finally(node: ast.AST) -> list[ast.stmt]:
    assert isinstance(node, ast.Try)
    return [ast.Try(node.body, node.handlers, node.orelse, [ast.Pass()])]


def _straight(node: ast.AST) -> list[ast.stmt]:
    assert isinstance(node, ast.Try)
    if not node.handlers:
        return [*node.body, *node.finalbody]
    return [ast.Try(node.body, node.handlers, node.orelse, []), *node.finalbody]


def _into_body(node: ast.AST) -> list[ast.stmt]:
    assert isinstance(node, ast.Try)
    ends = isinstance(node.body[-1], ast.Return | ast.Raise | ast.Continue | ast.Break)
    cut = len(node.body) - 1 if ends else len(node.body)
    body = [*node.body[:cut], *node.finalbody, *node.body[cut:]]
    return [ast.Try(body, node.handlers, node.orelse, [ast.Pass()])]


def _without_decorator(decorator: ast.expr) -> Edit:
    def edit(node: ast.AST) -> list[ast.stmt]:
        assert isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        left = [each for each in node.decorator_list if each is not decorator]
        fields = {**dict(ast.iter_fields(node)), "decorator_list": left}
        return [type(node)(**fields)]

    return edit


def _without_keyword(keyword: ast.keyword) -> Edit:
    def edit(node: ast.AST) -> ast.expr:
        assert isinstance(node, ast.Call)
        return ast.Call(node.func, node.args, [each for each in node.keywords if each is not keyword])

    return edit


def _rewritten(tree: ast.Module, edits: Mapping[ast.AST, Edit]) -> ast.Module:
    """A copy of the tree in which some nodes are replaced; nodes inside replaced ones may be replaced, too."""

    def copy(node: ast.AST) -> ast.AST | list[ast.stmt] | None:
        fields = {name: field(value) for name, value in ast.iter_fields(node)}
        return edits[node](node) if node in edits else type(node)(**fields)

    def field(value: object) -> object:
        if isinstance(value, ast.AST):
            return copy(value)
        if isinstance(value, list):
            flat: list[object] = []
            for each in value:
                made = field(each)
                flat.extend(made) if isinstance(made, list) else flat.append(made)
            return flat
        return value

    made = copy(tree)
    assert isinstance(made, ast.Module)
    return made

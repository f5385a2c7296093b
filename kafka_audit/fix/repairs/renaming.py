"""Options under the names that their clients use."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from kafka_audit.facts.schema import At
from kafka_audit.fix.case import Case, Repair
from kafka_audit.fix.editing.edits import Changes, Tree
from kafka_audit.fix.refusal import Refused


def right_name(case: Case) -> Repair:
    """An option that the client calls otherwise gets that name, where it is certain."""
    life, finding = case.life, case.finding
    for misfit in case.program.configured.misfits(life):
        name, is_it = misfit.entry.name, misfit.entry.line == finding.line and misfit.is_sure
        if is_it and f"`{name}`" in finding.message:
            if misfit.entry.unit.module.path != life.path:
                raise Refused("the option is written in another file than the constructor's call")
            tree = case.tree(life.path)
            edits = renamed(tree, life.site.node.at, name, misfit.right)
            return Repair("safe", f"Rename `{name}` to `{misfit.right}`", {tree.path: tree.rewritten(edits)})
    raise Refused("the client has no option of exactly this meaning")


def renamed(tree: Tree, at: At, name: str, right: str) -> Changes:
    """Give an option its right name: in the constructor's call at a place, else where the file's one dict has it."""
    call = tree.call(at)
    in_call = [each for each in call.args if _is_keyword(each, name)]
    keys = [*_keys(tree, name)]
    in_dict = [each for each in keys if call in tree.around(each)]
    places: list[cst.Arg | cst.SimpleString] = [*in_call] or in_dict or keys
    if len(places) != 1:
        raise Refused(f"`{name}` is not written in one place of {tree.path} only")
    if any(_is_keyword(each, right) for each in call.args) or [*_keys(tree, right)]:
        raise Refused(f"`{right}` is given, too")
    [place] = places
    if isinstance(place, cst.Arg) and not right.isidentifier():
        raise Refused(f"`{right}` cannot be the name of an argument: it needs a dict")
    changes = Changes()
    if isinstance(place, cst.Arg):
        changes[place] = lambda each: each.with_changes(keyword=cst.Name(right))
    else:
        changes[place] = lambda each: each.with_changes(value=each.value.replace(name, right))
    return changes


def _keys(tree: Tree, name: str) -> Iterator[cst.Arg | cst.SimpleString]:
    """The keys of that name in displays, subscripts, and the arguments of `dict` and `update`."""
    for text in tree.every(cst.SimpleString):
        parent = tree.parent(text)
        is_key = isinstance(parent, cst.DictElement) and parent.key is text
        if text.evaluated_value == name and name in text.value and (is_key or isinstance(parent, cst.Index)):
            yield text
    for call in tree.every(cst.Call):
        if tree.code(call.func).rpartition(".")[2] in {"dict", "update"}:
            yield from (each for each in call.args if _is_keyword(each, name))


def _is_keyword(argument: cst.Arg, name: str) -> bool:
    return argument.keyword is not None and argument.keyword.value == name

"""What is kept of a source file: a small syntax tree that is plain, frozen and serialisable.

The tree keeps what decides a life cycle (names, calls, bindings, jumps, guards) and drops the rest: comments,
docstrings, arithmetic, annotations that name nothing. Every phase after extraction reads only these records, so facts
can be cached and sent between processes, and nothing downstream depends on the parser.

A position (`At`) is `(line, column, end_line, end_column)`, 1-based, columns counted in characters; the end is
exclusive, so `end_column` is the column after the last character.
"""

from __future__ import annotations

import functools
from typing import Literal, Union

import msgspec

At = tuple[int, int, int, int]
"""Line, column, end line, end column: 1-based, end exclusive."""

MAX_TEXT = 500
"""Longest text kept, in characters: names, topics and addresses are shorter, prose is longer."""


class Node(msgspec.Struct, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """Base of every fact node. Nodes are compared by identity: two equal calls on two lines are two calls."""


# --- expressions -----------------------------------------------------------------------------------------------------


class Name(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A bare name that is read, or bound when it is a target."""

    id: str


class Attribute(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`value.name`. `name` is as written; private names are mangled by the linker, not here."""

    value: Expr
    name: str


class Argument(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """One argument of a call or a class header. `star` is `"*"` or `"**"` for unpacked arguments."""

    value: Expr
    keyword: str | None
    star: Literal["", "*", "**"]
    line: int


class Call(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A call; `at` spans the whole call expression without surrounding parentheses."""

    function: Expr
    arguments: tuple[Argument, ...]
    at: At


class Await(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`await value`."""

    value: Expr


class Constant(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A literal: text, number, boolean or `None`. Text longer than `MAX_TEXT` and bytes become `Opaque`."""

    value: str | int | float | bool | None


class Sequence(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A tuple, list or set display."""

    kind: Literal["tuple", "list", "set"]
    elements: tuple[Expr, ...]


class Entry(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """One entry of a dict display; `key` is `None` for `**value`."""

    key: Expr | None
    value: Expr
    line: int


class Mapping(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A dict display."""

    entries: tuple[Entry, ...]


class Subscript(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`value[key]`; several indices come as a tuple, a slice as `Slice`."""

    value: Expr
    key: Expr


class Lambda(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`lambda parameters: body`."""

    parameters: tuple[Parameter, ...]
    body: Expr
    at: At


class Choice(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`then if test else otherwise`."""

    test: Expr
    then: Expr
    otherwise: Expr


class Logic(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`a and b and c`, `a or b`: operands of one operator, flattened."""

    operator: Literal["and", "or"]
    operands: tuple[Expr, ...]


class Not(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`not value`."""

    value: Expr


class Compare(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A single comparison, operator as written with single spaces; chained comparisons are `Opaque`."""

    left: Expr
    operator: str
    right: Expr


class Generator(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """One `for target in iterable if condition...` of a comprehension."""

    target: Expr
    iterable: Expr
    conditions: tuple[Expr, ...]
    is_async: bool


class Comprehension(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A comprehension. For a dict, `element` is the value and `key` the key; otherwise `key` is `None`."""

    kind: Literal["list", "set", "dict", "generator"]
    key: Expr | None
    element: Expr
    generators: tuple[Generator, ...]


class Walrus(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`name := value`."""

    name: str
    value: Expr


class Starred(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`*value` in a display or a target."""

    value: Expr


class Yield(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`yield value` or `yield from value`."""

    value: Expr | None
    is_from: bool


class Opaque(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """Any other expression (arithmetic, f-strings): only its parts that hold calls or names matter."""

    parts: tuple[Expr, ...]


class Slice(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`start:stop:step` as an index; `bounds` are those of the three that hold calls or names."""

    bounds: tuple[Expr, ...]


class Below(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`base / "part" / "part"`: a path below another one, every part a string constant."""

    base: Expr
    parts: tuple[str, ...]


class Joined(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """An f-string, or a sum of strings, whose texts hold no blanks: it may make a dotted name or an address."""

    parts: tuple[Expr, ...]


Expr = Union[
    Name,
    Attribute,
    Call,
    Await,
    Constant,
    Sequence,
    Mapping,
    Subscript,
    Lambda,
    Choice,
    Logic,
    Not,
    Compare,
    Comprehension,
    Walrus,
    Starred,
    Yield,
    Opaque,
    Slice,
    Below,
    Joined,
]

# --- statements ------------------------------------------------------------------------------------------------------


class Parameter(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A parameter of a function or lambda."""

    name: str
    kind: Literal["positional", "keyword", "*", "**"]
    annotation: Expr | None
    default: Expr | None


class Assign(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`a = b = value`, and `a: annotation = value` where `value` may be missing."""

    targets: tuple[Expr, ...]
    value: Expr | None
    annotation: Expr | None
    line: int


class Augment(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`target += value` and its kind; the operator does not matter."""

    target: Expr
    value: Expr
    line: int


class Evaluate(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """An expression statement. Docstrings and lone constants are dropped."""

    value: Expr
    line: int


class Return(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`return value`."""

    value: Expr | None
    line: int


class Raise(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`raise value`; `value` is `None` for a bare `raise`."""

    value: Expr | None
    line: int


class Break(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`break`."""

    line: int


class Continue(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`continue`."""

    line: int


class Delete(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`del targets`."""

    targets: tuple[Expr, ...]
    line: int


class Assert(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`assert test`."""

    test: Expr
    line: int


class Declare(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`global names` or `nonlocal names`."""

    kind: Literal["global", "nonlocal"]
    names: tuple[str, ...]
    line: int


class If(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`if`, with an `elif` as an `If` in `orelse`."""

    test: Expr
    body: Body
    orelse: Body
    line: int


class While(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`while`."""

    test: Expr
    body: Body
    orelse: Body
    line: int


class For(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`for` and `async for`."""

    target: Expr
    iterable: Expr
    body: Body
    orelse: Body
    is_async: bool
    line: int


class Handler(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`except types as name:`; `types` is `None` for a bare `except`."""

    types: Expr | None
    name: str | None
    body: Body
    line: int


class Try(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`try`, also with `except*`."""

    body: Body
    handlers: tuple[Handler, ...]
    orelse: Body
    final: Body
    line: int


class Item(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """One `value as target` of a `with`."""

    value: Expr
    target: Expr | None
    line: int


class With(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`with` and `async with`."""

    items: tuple[Item, ...]
    body: Body
    is_async: bool
    line: int


class Case(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """One `case`: the names its pattern binds, whether it matches everything, its guard and body."""

    captures: tuple[str, ...]
    irrefutable: bool
    guard: Expr | None
    body: Body
    line: int


class Match(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`match`."""

    subject: Expr
    cases: tuple[Case, ...]
    line: int


class Function(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`def` and `async def`. `line` is the line of `def`, `end_line` the last line of the body.

    `is_nesting` says that expressions of its own body hold a lambda, a comprehension or a `:=`.
    """

    name: str
    parameters: tuple[Parameter, ...]
    decorators: tuple[Expr, ...]
    returns: Expr | None
    body: Body
    is_async: bool
    is_generator: bool
    is_nesting: bool
    line: int
    end_line: int


class Class(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """`class`. `bases` holds the arguments of the header in order, keywords (`metaclass=`) included."""

    name: str
    bases: tuple[Argument, ...]
    decorators: tuple[Expr, ...]
    body: Body
    line: int
    end_line: int


class Import(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """One name bound by an import.

    `import a.b` -> module `a.b`, name `None`, bound `a`; `import a.b as c` -> bound `c`;
    `from .x import y as z` -> module `x`, level 1, name `y`, bound `z`; `from x import *` -> name `*`, bound `*`.
    """

    module: str
    name: str | None
    bound: str
    level: int
    line: int


Stmt = Union[
    Assign,
    Augment,
    Evaluate,
    Return,
    Raise,
    Break,
    Continue,
    Delete,
    Assert,
    Declare,
    If,
    While,
    For,
    Try,
    With,
    Match,
    Function,
    Class,
    Import,
]

Body = tuple[Stmt, ...]


class Symbol(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A name that the module's top level defines, with every identifier its definition mentions, sorted."""

    name: str
    mentions: tuple[str, ...]


class Flaw(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """Why a file, or a part of it, could not be read: data, never an exception."""

    kind: Literal["syntax", "encoding", "unreadable", "too-deep", "internal"]
    line: int
    message: str


class Fixture(Node, frozen=True, array_like=True, tag=True, eq=False, gc=False):
    """A function at the top level that a decorator called `fixture` makes something for tests to ask for by name."""

    name: str
    is_async: bool


class Outline(Node, frozen=True, array_like=True, tag="facts", eq=False, gc=False):
    """What is asked of a file before it is linked. Of encoded facts this much can be read without the rest."""

    symbols: tuple[Symbol, ...]
    fixtures: tuple[Fixture, ...]
    flaws: tuple[Flaw, ...]


class FileFacts(Outline, frozen=True, array_like=True, tag="facts", eq=False, gc=False):
    """Everything later phases know of one file. Holds no path, so equal bytes have equal facts."""

    body: Body = ()


def encode(facts: FileFacts) -> bytes:
    """Facts as MessagePack."""
    return _ENCODER.encode(facts)


def decode(data: bytes) -> FileFacts:
    """Facts from `encode`; raises `msgspec.DecodeError` when the bytes are not facts of this version."""
    return _decoder().decode(data)


def outline(data: bytes) -> Outline:
    """The outline of facts from `encode`; raises as `decode` does, but does not look at the body."""
    return _OUTLINES.decode(data)


_ENCODER = msgspec.msgpack.Encoder()
_OUTLINES = msgspec.msgpack.Decoder(Outline)


@functools.cache
def _decoder() -> msgspec.msgpack.Decoder[FileFacts]:
    """The decoder, built on first use: resolving the recursive types costs a few milliseconds."""
    return msgspec.msgpack.Decoder(FileFacts)

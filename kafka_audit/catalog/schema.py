"""What a row of the catalogue says: the traits of a Kafka client, and of a hook that a framework calls.

Rows are plain data. They are the only place where the audit knows a library or a framework by name.
"""

from __future__ import annotations

from typing import Literal

from kafka_audit.model import Record

ClientRole = Literal["producer", "consumer", "admin", "framework"]
ContextManager = Literal["", "with", "async with"]
Via = Literal["decorator", "call", "keyword", "method", "named"]
Phase = Literal["startup", "shutdown", "both", "request", "test", "exit"]
Scope = Literal["process", "worker", "app", "request", "task", "test", "module", "session", "object"]
Need = Literal["no lifespan", "unmounted", "included", "closed"]
"""What an object of a framework must be for its hooks to run: without a lifespan of its own, not merely a part of
another application, a part of one, closed by somebody."""


class Note(Record, frozen=True, kw_only=True):
    """A fact that depends on the library's version.

    `name` is what versions outside `since` (inclusive) to `until` (exclusive) lack: a method, `with`, `async with`,
    `[]` (the subscripted constructor), or a dotted name it can be imported by. It is empty for a remark.
    An empty `since` means "in every version examined".
    """

    since: str = ""
    until: str = ""
    name: str = ""
    text: str


class Client(Record, frozen=True, kw_only=True):
    """One client class: how it comes to life and what ends it. Facts were obtained by running the named releases."""

    name: str
    """Canonical dotted name."""
    distribution: str
    """What is installed to get it."""
    importable: tuple[str, ...]
    """Every dotted name that the class can be imported by, canonical first."""
    role: ClientRole
    """`framework`: the library owns the client behind it, so creating one is never an alarm."""
    is_async: bool = False
    """Start and release are coroutines."""
    start: tuple[str, ...] = ()
    """Methods that start it; empty when the constructor does, or when there is nothing to start."""
    release: tuple[str, ...] = ()
    """Methods any of which releases it; empty when there is no such method."""
    managed_by: ContextManager = ""
    """The statement that releases it at its end."""
    starts_on_construct: bool = False
    """Threads, tasks or sockets exist once the constructor has returned."""
    needs_running_loop: bool = False
    """The constructor raises without a running event loop."""
    loop_argument: str = ""
    """The argument that gives it an event loop: then it raises nothing, and belongs to that loop."""
    blocks_on_construct: bool = False
    """The constructor waits for a broker."""
    awaited_constructor: bool = False
    """Written `await Client(...)`."""
    closes_at_exit: bool = False
    """The library itself closes it when the object is collected, and when the interpreter exits."""
    flush_is_release: bool = False
    """The obligation is the buffer: nothing is owed until a method of `dirtied_by` was called."""
    dirtied_by: tuple[str, ...] = ()
    """Methods that put messages into the buffer (coroutines when `is_async`)."""
    release_once: bool = False
    """A second release raises."""
    generic: bool = False
    """May be subscripted before the call: `Client[str, Order](...)`."""
    ends: tuple[str, ...] = ()
    """Its own fields that hold another client, which its release ends with it."""
    absent: tuple[str, ...] = ()
    """Methods that are called in the belief that they release it, but do not exist."""
    blocking: tuple[str, ...] = ()
    """Calls that block an event loop whatever their arguments."""
    polls: tuple[str, ...] = ()
    """Calls that block an event loop unless their timeout is zero."""
    timeout_second: tuple[str, ...] = ()
    """Calls whose timeout is their second argument; of all others it is the first."""
    futures: tuple[str, ...] = ()
    """Calls whose result is a future, or a dict of futures."""
    future_waits: tuple[str, ...] = ("result", "exception")
    """Methods of such a future that wait for it in this thread."""
    iterates: bool = False
    """Looping over it waits for messages in this thread."""
    polls_return_at_once: bool = False
    """The timeout of `polls` is zero when it is left out; otherwise leaving it out waits without limit."""
    notes: tuple[Note, ...] = ()


class Hook(Record, frozen=True, kw_only=True):
    """One way to have code called by a framework, a test runner or the interpreter, and when that call happens."""

    framework: str
    target: str
    """Dotted callable or class; `()` marks an instance: `fastapi.FastAPI().on_event`, `atexit.register`.

    For `named`: a pattern (`*` matches anything) for the last names of the module or class that holds the function.
    """
    via: Via
    """How the code gets there.

    `decorator`: `@target`, `@target(select)`, or the same written as a call. `call`: a function, a generator function
    or an object is an argument of target, whichever its position; it may also be used as a decorator.
    `keyword`: `target(select=function)`, or a list of functions. `method`: defined in a subclass of target.
    `named`: found by its name `select` alone, in a module or class that no import connects with the framework.
    """
    select: str = ""
    """The string or dotted argument, keyword name or function name that picks the event; empty when target does."""
    phase: Phase
    """`both`: code around a yield, or a context manager that is entered and left."""
    scope: Scope
    """What ends when it runs: a hook of a narrower scope than its client's releases it too early."""
    awaits: bool = False
    """It can await the release in the loop that the client lives in."""
    live: str = ""
    """Empty when it always runs once registered; otherwise the condition, in words."""
    needs: tuple[Need, ...] = ()
    """The part of the condition that can be read off the code: about the object that the hook is registered with."""
    throws: bool = False
    """An error in what it surrounds is raised at its `yield`: what follows runs only in a `finally`."""
    note: str
    """One sentence with the source of the fact."""


class Component(Record, frozen=True, kw_only=True):
    """A class of which a framework makes the object itself, and whose methods it alone calls, as its hooks say."""

    framework: str
    """As in its hooks, whose target is `object`: it needs no base class."""
    method: str
    """The method by which it is one, and which the framework calls for what comes."""
    beside: tuple[str, ...]
    """Methods of which it has one as well: other classes may call a method so."""
    note: str
    """One sentence with the source of the facts."""


class DependencyContainer(Record, frozen=True, kw_only=True):
    """What makes a dependency container of some library, and what ends the objects that its providers made."""

    framework: str
    makers: tuple[str, ...]
    """Dotted functions that make one, or the classes that the project's containers derive from."""
    types: tuple[str, ...] = ()
    """Dotted classes that annotations of a container name, besides the makers."""
    closes: tuple[str, ...]
    """Its methods that end what its providers made."""
    awaited: tuple[str, ...] = ()
    """Those of `makers` whose container's `closes` are coroutine functions."""
    is_managed: bool = False
    """Leaving a `with` over it does so, too."""
    gives: tuple[str, ...] = ()
    """Its methods that give the object of the class that they are asked for."""
    kept_as: str = ""
    """The attribute of the application under which `setups` keep it."""
    setups: tuple[str, ...] = ()
    """Dotted functions that install it in an application."""
    closed_by: tuple[str, ...] = ()
    """Those of them that also close it when the application ends."""
    markers: tuple[str, ...] = ()
    """Dotted marks of parameters, whose function ends what it is given."""
    note: str
    """One sentence with the source of the facts."""


class Driver(Record, frozen=True, kw_only=True):
    """What runs an application inside a test, a test client or the like, and when it runs the lifespan."""

    names: tuple[str, ...]
    """Dotted callables that make one, given the application or found on it (`flask.Flask().test_client`); a name
    without a dot is that of a fixture, which is a function that makes one."""
    lifespan: Literal["entered", "made", "request", "never"]
    """Whether start-up and shutdown hooks run while it is entered, from its making on, at each request, or not."""
    serves: bool = True
    """Its methods send requests, which the handlers of the application answer."""
    note: str
    """One sentence with the source of the facts."""


class Autoload(Record, frozen=True, kw_only=True):
    """What a framework imports because its settings name it."""

    setup: str
    """The dotted call that does it."""
    variable: str
    """The variable of the environment, and the option of pytest's configuration, that names the settings."""
    setting: str
    """The name in the settings that holds the applications."""
    configuration: str
    models: str
    """The modules of an application that are imported: first of all applications, then of all."""
    base: str
    ready: str
    """The class, and its method, that is called for each application in the end."""
    note: str
    """One sentence with the source of the fact."""


class Double(Record, frozen=True, kw_only=True):
    """What takes the place of clients in tests: a broker in memory, a library of mocks."""

    names: tuple[str, ...]
    """Dotted callables that make one."""
    stands_for: tuple[str, ...] = ()
    """Canonical names of the clients, or of the classes that own some, whose place it takes."""
    replaces: tuple[str, ...] = ()
    """The names that it replaces in libraries: it is a patch of these."""
    is_made: bool = False
    """It works from its making on, and not only inside a block or a decorated function."""
    is_method: bool = False
    """The names are those of methods."""
    note: str
    """One sentence with the source of the fact."""


def same_hooks(
    framework: str,
    *events: tuple[str, str, Phase],
    via: Via,
    scope: Scope,
    awaits: bool = False,
    live: str = "",
    needs: tuple[Need, ...] = (),
    throws: bool = False,
    note: str,
) -> tuple[Hook, ...]:
    """Write several hooks that differ only in `(target, select, phase)`."""
    return tuple(
        Hook(
            framework=framework,
            target=target,
            via=via,
            select=select,
            phase=phase,
            scope=scope,
            awaits=awaits,
            live=live,
            needs=needs,
            throws=throws,
            note=note,
        )
        for target, select, phase in events
    )

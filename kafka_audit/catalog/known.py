"""What does one run know of the world: the catalogue's rows, and those that the audited project adds?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kafka_audit.catalog.clients import CLIENTS, FRAMEWORK_LIBRARIES, LIBRARIES
from kafka_audit.catalog.containers import CONTAINERS
from kafka_audit.catalog.hooks import HOOKS
from kafka_audit.catalog.schema import Client, Hook
from kafka_audit.settings import OwnClient, OwnHook


class Catalogue:
    """Clients and hooks, and what is asked of them by name. Built once per run, read by every phase.

    `libraries` are the root packages that hold clients or frameworks that own some, `releases` the names of all methods
    that release a client, or the container of one.
    """

    def __init__(self, own_clients: Sequence[OwnClient] = (), own_hooks: Sequence[OwnHook] = ()) -> None:
        self.own = tuple(map(_client, own_clients))
        self.clients = (*CLIENTS, *self.own)
        self.hooks = (*HOOKS, *map(_hook, own_hooks))
        roots = {name.partition(".")[0] for client in self.own for name in client.importable}
        self.libraries = tuple(dict.fromkeys((*LIBRARIES, *FRAMEWORK_LIBRARIES, *sorted(roots))))
        self.releases = frozenset(name for client in self.clients for name in client.release)
        self.releases |= {name for row in CONTAINERS for name in row.closes}
        self._by_name = {name: client for client in self.clients for name in client.importable}

    def client_named(self, dotted: str) -> Client | None:
        """Find the client that can be imported by this dotted name."""
        return self._by_name.get(dotted)

    def defined_in(self, path: str) -> Iterator[tuple[str, Client]]:
        """The classes that the module at a path defines and a row of the project's own describes, by their names.

        A path has `/` between its parts; it may begin with folders that are no packages.
        """
        parts = path.removesuffix(".py").removesuffix("/__init__").split("/")
        for client in self.own:
            for dotted in client.importable:
                *module, name = dotted.split(".")
                if module and parts[-len(module) :] == module:
                    yield name, client


def _client(own: OwnClient) -> Client:
    return Client(
        name=own.name,
        distribution=own.name.partition(".")[0],
        importable=(own.name, *own.also),
        role=own.role,
        is_async=own.is_async,
        start=own.start,
        release=own.release,
        managed_by=own.managed_by,
        starts_on_construct=not own.start,
        needs_running_loop=own.needs_running_loop,
        blocks_on_construct=own.blocks_on_construct,
        closes_at_exit=own.closes_at_exit,
        flush_is_release=own.flush_is_release,
        dirtied_by=own.dirtied_by,
        release_once=own.release_once,
    )


def _hook(own: OwnHook) -> Hook:
    return Hook(
        framework=own.target,
        target=own.target,
        via="named",
        select=own.select,
        phase=own.phase,
        scope="app",
        awaits=own.awaits,
        note="Declared in the project's configuration.",
    )


KNOWN = Catalogue()
"""What is known without a project's own rows."""

"""The commands `cache info` and `cache clear`: what earlier audits of a project left on disk."""

from __future__ import annotations

from typing import Annotated

import typer

from kafka_audit.cli.app import Action, app, printing

Paths = Annotated[
    list[str] | None, typer.Argument(metavar="PATH", help="What `scan` is given; the current folder by default.")
]
Folder = Annotated[
    str | None, typer.Option("--cache-dir", metavar="DIR", help="The cache is there; see `scan --cache-dir`.")
]

cache = typer.Typer(help="Show or delete what earlier audits of a project left on disk.")
app.add_typer(cache, name="cache", short_help="Show or delete the cache.")


@cache.callback(invoke_without_command=True)
def start(context: typer.Context) -> Action | None:
    """Print the help when there is nothing to do."""
    return printing(context.get_help() + "\n", 2) if context.invoked_subcommand is None else None


@cache.command()
def info(paths: Paths = None, cache_dir: Folder = None) -> Action:
    """Say where the cache of a project is, and what it holds."""
    return lambda: _info(tuple(paths or (".",)), cache_dir)


@cache.command()
def clear(paths: Paths = None, cache_dir: Folder = None) -> Action:
    """Delete what the cache of a project holds."""
    return lambda: _clear(tuple(paths or (".",)), cache_dir)


def _info(paths: tuple[str, ...], cache_dir: str | None) -> int:
    from kafka_audit.pipeline.storing import cache_of, kept

    folder = cache_of(paths, cache_dir)
    holds = kept(folder)
    lines = [
        f"folder   {folder}",
        f"size     {_size(holds.size)}",
        f"sources  {holds.sources}",
        f"answers  {holds.answers}",
    ]
    return printing("".join(f"{line}\n" for line in lines))()


def _clear(paths: tuple[str, ...], cache_dir: str | None) -> int:
    from kafka_audit.pipeline.storing import cache_of, clear

    folder = cache_of(paths, cache_dir)
    return printing(f"{_size(clear(folder))} deleted in {folder}\n")()


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB"

"""What an import binds: a module of the project, a name in one, a client, or something of another library."""

from __future__ import annotations

from kafka_audit.facts import schema as s
from kafka_audit.link.flow.engine import Engine, Values
from kafka_audit.link.flow.scopes import Module, Unit, lookup
from kafka_audit.link.flow.values import Unread


def bind_import(engine: Engine, node: s.Import) -> None:
    """Evaluate one import statement's name."""
    if node.name == "*" or node in engine.unit.module.hidden:
        return
    unit, _ = lookup(engine.unit, node.bound)
    engine.write(unit.place(node.bound), import_values(engine, node))


def import_values(engine: Engine, node: s.Import) -> Values:
    """What the name that `node` binds can be."""
    here = engine.unit.module
    if node.name is None:
        bound_root = node.bound == node.module.partition(".")[0] and node.bound != node.module
        return _module_or_library(engine, node.bound if bound_root else node.module, here)
    if node.level:
        path = engine.paths.relative(node.module, node.level, here.path)
        return _from_path(engine, path, node.name) if path else _from_folder(engine, node, here)
    return from_import(engine, node.module, node.name, here)


def from_import(engine: Engine, module: str, name: str, here: Module) -> Values:
    """`from module import name` in the file `here`.

    A file of the project counts only if it can provide the name: a script folder with a `kafka.py` of its own does not
    hide the library from everyone.
    """
    is_library = engine.catalogue.client_named(f"{module}.{name}") is not None
    path = engine.paths.absolute(module, here.path, is_library=is_library)
    if path is not None:
        target = engine.module_at(path)
        can = not (is_library and _is_package_of(path, here.path)) if target is None else provides(engine, target, name)
        if can:
            return _from_path(engine, path, name)
    if path is None and engine.paths.is_namespace(module, here.path):
        inner = engine.paths.absolute(f"{module}.{name}", here.path)
        if inner is not None:
            return whole_module(engine, inner)
    return _library_name(engine, f"{module}.{name}")


def _is_package_of(path: str, importer: str) -> bool:
    """Whether it is the `__init__.py` of a package that the importing file is in: what its own files have, it can name.

    One that was not read imports no client, and so has none to give.
    """
    folder, _, name = path.rpartition("/")
    return name == "__init__.py" and importer.startswith(f"{folder}/")


def import_dotted(engine: Engine, dotted: str) -> Values:
    """What `importlib.import_module(dotted)` gives."""
    return _module_or_library(engine, dotted, engine.unit.module)


def provides(engine: Engine, module: Module, name: str) -> bool:
    """Whether `from module import name` can work: a global, a submodule, a star import or a module `__getattr__`."""
    top = module.top
    if name in top.bound or top.stars or "__getattr__" in top.bound or name in top.places:
        return True
    return engine.paths.child(module.path, name) is not None


def module_attribute(engine: Engine, module: Module, name: str) -> Values:
    """A global of a project module, through its star imports when it does not bind the name itself."""
    top = module.top
    if name in top.bound:
        return set(engine.read(top.place(name)))
    through = star_values(engine, top, name, {module})
    if through:
        return through
    child = engine.paths.child(module.path, name)
    if child is not None:
        return whole_module(engine, child)
    # Somebody may assign the attribute from outside later: reading the place registers the interest.
    return set(engine.read(top.place(name)))


def star_values(engine: Engine, top: Unit, name: str, seen: set[Module]) -> Values:
    """What a name can be that only the star imports of a module can bind; it may come from any that was not read."""
    found: Values = set()
    unread: Values = set()
    for star in top.stars:
        path = _star_path(engine, star, top.module)
        target = engine.module_at(path) if path else None
        if path is not None and target is None:
            engine.ask(("starred", path))
            unread.add(engine.intern(Unread, path, name))
        elif target is not None and target not in seen:
            seen.add(target)
            if name in target.top.bound:
                found |= engine.read(target.top.place(name))
            else:
                found |= star_values(engine, target.top, name, seen)
        elif path is None and not star.level:
            client = engine.catalogue.client_named(f"{star.module}.{name}")
            if client is not None:
                found.add(engine.client_type(client))
    return found or unread


def _star_path(engine: Engine, star: s.Import, here: Module) -> str | None:
    if star.level:
        return engine.paths.relative(star.module, star.level, here.path)
    return engine.paths.absolute(star.module, here.path)


def _from_folder(engine: Engine, node: s.Import, here: Module) -> Values:
    """`from . import x` in a folder without `__init__.py`."""
    dotted = f"{node.module}.{node.name}" if node.module else str(node.name)
    path = engine.paths.relative(dotted, node.level, here.path)
    return whole_module(engine, path) if path is not None else set()


def _from_path(engine: Engine, path: str, name: str) -> Values:
    """A name of the project file at `path`; unknown when the file was not read, because it carries no client.

    A package that imports a name from itself means its submodule: the name is bound by this very import.
    """
    module, child = engine.module_at(path), engine.paths.child(path, name)
    if module is not None and not (module is engine.unit.module and child is not None):
        return module_attribute(engine, module, name)
    if child is not None:
        return whole_module(engine, child)
    return {engine.intern(Unread, path, name)}


def submodule(engine: Engine, folder: str, name: str) -> Values:
    """`app.kafka` after `import app.kafka`, where `app` is a folder of the project without `__init__.py`."""
    here = engine.unit.module.path
    path = engine.paths.absolute(f"{folder}.{name}", here) if engine.paths.is_namespace(folder, here) else None
    return whole_module(engine, path) if path is not None else set()


def whole_module(engine: Engine, path: str) -> Values:
    """A project module as a whole."""
    module = engine.module_at(path)
    return {engine.module(module)} if module is not None else {engine.intern(Unread, path, "")}


def _module_or_library(engine: Engine, dotted: str, here: Module) -> Values:
    path = engine.paths.absolute(dotted, here.path)
    if path is None:
        return _library_name(engine, dotted)
    return whole_module(engine, path)


def _library_name(engine: Engine, dotted: str) -> Values:
    client = engine.catalogue.client_named(dotted)
    return {engine.client_type(client)} if client is not None else {engine.external(dotted)}

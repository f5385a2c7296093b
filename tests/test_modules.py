"""An import is matched to the file that Python would find, without importing anything."""

from __future__ import annotations

import pytest

from kafka_audit.facts.modules import ModulePaths, extension

GUARDED = ("kafka", "aiokafka")


def resolve(files: str, dotted: str, importer: str, *, is_library: bool = True) -> str | None:
    """What `import dotted` in `importer` means in a project of these files."""
    return ModulePaths(files.split(), GUARDED).absolute(dotted, importer, is_library=is_library)


def test_an_absolute_import_is_found_from_the_project_root():
    assert resolve("app/bus.py app/main.py", "app.bus", "app/main.py") == "app/bus.py"


def test_a_src_folder_is_a_root_for_tests_beside_it():
    assert resolve("src/app/bus.py tests/test_bus.py", "app.bus", "tests/test_bus.py") == "src/app/bus.py"


def test_a_script_finds_its_neighbours_by_their_bare_name():
    assert resolve("jobs/send.py jobs/link.py", "link", "jobs/send.py") == "jobs/link.py"


def test_of_two_services_with_the_same_layout_each_finds_its_own_module():
    files = "one/src/kafka_link.py one/main.py two/src/kafka_link.py two/main.py"
    assert resolve(files, "src.kafka_link", "two/main.py") == "two/src/kafka_link.py"


def test_a_file_never_imports_itself():
    assert resolve("app/kafka.py", "kafka", "app/kafka.py") is None


def test_a_package_beside_the_script_hides_the_library():
    assert resolve("kafka/__init__.py main.py", "kafka", "main.py") == "kafka/__init__.py"


def test_a_package_of_the_librarys_name_elsewhere_hides_nothing():
    assert resolve("services/kafka/__init__.py app/main.py", "kafka", "app/main.py") is None


SHOP = {
    "shop/__init__.py": b"",
    "shop/clients/__init__.py": b"",
    "shop/clients/redis.py": b"",
    "shop/main.py": b"import redis",
    "jobs/send.py": b"import redis",
}
EXTENDING = b"import sys\nsys.path.insert(0, os.path.join(ROOT, 'shop', 'clients'))\n"


@pytest.mark.parametrize(
    ("extending", "found"),
    [
        ({}, []),
        ({"jobs/send.py": EXTENDING}, ["jobs/send.py"]),
        ({"shop/paths.py": EXTENDING}, ["jobs/send.py", "shop/main.py"]),
        ({"paths.py": EXTENDING}, ["jobs/send.py", "shop/main.py"]),
        ({"jobs/paths.py": EXTENDING}, []),
        ({"shop/paths.py": b"print(sys.path)"}, []),
    ],
)
def test_a_folder_inside_a_package_is_a_root_only_if_somebody_may_add_it(extending: dict[str, bytes], found: list[str]):
    contents = SHOP | extending
    paths = ModulePaths.of(contents, extended=extension(contents))
    assert [p for p in ("jobs/send.py", "shop/main.py") if paths.absolute("redis", p) is not None] == found
    assert paths.absolute("redis", "shop/clients/other.py") == "shop/clients/redis.py", "a script beside it finds it"


def test_of_folders_with_the_same_module_the_one_that_the_file_names_is_the_root():
    contents = {f"{name}/lib/bus.py": b"" for name in ("north", "south")}
    contents["tests/test_bus.py"] = EXTENDING.replace(b"'shop', 'clients'", b"'south', 'lib'")
    paths = ModulePaths.of(contents, extended=extension(contents))
    assert paths.absolute("bus", "tests/test_bus.py") == "south/lib/bus.py"


@pytest.mark.parametrize("dotted", ["json", "typing", "logging.handlers"])
def test_a_module_in_a_package_hides_nothing_of_the_standard_library(dotted: str):
    files = ["app/__init__.py", "app/x/__init__.py", "app/x/json.py", "app/x/typing.py", "app/x/logging/handlers.py"]
    paths = ModulePaths.of([*files, "app/main.py", "jobs/queue.py", "jobs/send.py"])
    assert paths.absolute(dotted, "app/main.py") is None
    assert paths.absolute("queue", "jobs/send.py") == "jobs/queue.py", "but one beside a script does"


@pytest.mark.parametrize(("is_library", "found"), [(True, None), (False, "app/kafka/topics.py")])
def test_inside_a_package_a_local_name_wins_only_over_what_the_library_lacks(is_library: bool, found: str | None):
    files = "app/__init__.py app/kafka/__init__.py app/kafka/topics.py app/main.py"
    assert resolve(files, "kafka.topics", "app/main.py", is_library=is_library) == found


@pytest.mark.parametrize(
    ("module", "level", "found"),
    [("bus", 1, "app/web/bus.py"), ("", 1, "app/web/__init__.py"), ("core.bus", 2, "app/core/bus.py"), ("x", 9, None)],
)
def test_relative_imports_count_dots_from_the_file(module: str, level: int, found: str | None):
    files = ModulePaths(["app/web/__init__.py", "app/web/bus.py", "app/web/api.py", "app/core/bus.py"], GUARDED)
    assert files.relative(module, level, "app/web/api.py") == found

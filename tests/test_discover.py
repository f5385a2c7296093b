"""Which files are read, which of them are reported on, and what is said of the others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kafka_audit.discover import Discovery, discover
from kafka_audit.settings import ConfigError

Make = Callable[..., None]

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
needs_posix = pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="needs a POSIX file system of bytes")


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make files (name to text) in a fresh project that is the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path.parent))

    def make(*names: str, **texts: str) -> None:
        for name in names:
            texts.setdefault(name, "")
        for name, text in texts.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    make("pyproject.toml")
    return make


def asked(found: Discovery) -> list[str]:
    return sorted(found.asked)


def names(found: Discovery) -> list[str]:
    return [source.name for source in found.files]


def git(*arguments: str) -> None:
    subprocess.run(["git", "-c", "init.defaultBranch=main", *arguments], check=True, capture_output=True)


# --- what is read, what is asked -------------------------------------------------------------------------------------


def test_a_folder_is_read_with_everything_below_it_in_order(make: Make):
    make("b.py", "a/z.py", "a/b/c.py", "notes.txt")
    assert names(discover(["."])) == ["a/b/c.py", "a/z.py", "b.py"]


def test_the_whole_project_is_read_and_only_what_was_named_is_asked(make: Make):
    make("app/main.py", "shared/kafka.py")
    found = discover(["app"])
    assert names(found) == ["app/main.py", "shared/kafka.py"]
    assert asked(found) == ["app/main.py"]


def test_several_places_are_asked_together_and_each_file_once(make: Make):
    make("a/x.py", "b/y.py", "c/z.py")
    assert asked(discover(["b", "a/x.py", "a", "b/y.py"])) == ["a/x.py", "b/y.py"]


def test_names_do_not_depend_on_the_current_directory_and_paths_do(make: Make, monkeypatch: pytest.MonkeyPatch):
    make("app/main.py", "shared/kafka.py")
    project = Path.cwd()
    monkeypatch.chdir("app")
    found = discover(["."])
    assert names(found) == ["app/main.py", "shared/kafka.py"]
    assert [source.path for source in found.files] == ["main.py", f"{project.as_posix()}/shared/kafka.py"]
    assert asked(found) == ["app/main.py"]


def test_the_nearest_mark_above_is_the_project(make: Make):
    make("services/a/setup.py", "services/a/app/x.py", "services/b/y.py")
    assert names(discover(["services/a/app"])) == ["app/x.py", "setup.py"]


def test_two_projects_at_once_are_named_from_the_folder_they_share(make: Make):
    make("one/setup.cfg", "one/a.py", "two/setup.cfg", "two/a.py")
    assert names(discover(["two", "one"])) == ["one/a.py", "two/a.py"]


def test_the_home_folder_is_no_project(make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    make("work/x.py", "other/y.py")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert names(discover(["work"])) == ["x.py"]


def test_without_a_project_the_outermost_package_is_read(make: Make):
    make("pkg/__init__.py", "pkg/inner/__init__.py", "pkg/inner/x.py", "pkg/other.py", "loose.py")
    os.remove("pyproject.toml")
    found = discover(["pkg/inner/x.py"])
    assert names(found) == ["pkg/__init__.py", "pkg/inner/__init__.py", "pkg/inner/x.py", "pkg/other.py"]
    assert asked(found) == ["pkg/inner/x.py"]


def test_a_lone_file_without_a_project_is_read_alone(make: Make):
    make("lone.py", "neighbour.py")
    os.remove("pyproject.toml")
    assert names(discover(["lone.py"])) == ["lone.py"]


@pytest.mark.parametrize("name", ["script", "tool.cgi"])
def test_a_script_is_python_when_its_first_line_says_so(make: Make, name: str):
    make(**{name: "#!/usr/bin/env python3\n"})
    assert asked(discover([name])) == [name]


# --- what is left out ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [".git", ".venv", "venv", "node_modules", "__pycache__", ".tox", "build", "dist"])
def test_folders_of_other_peoples_code_are_left_out_and_counted(make: Make, folder: str):
    make("app.py", f"{folder}/x.py")
    found = discover(["."])
    assert names(found) == ["app.py"]
    assert found.skipped["excluded"] == 1


def test_an_environment_is_known_by_its_configuration_whatever_its_name(make: Make):
    make("app.py", "my-env/pyvenv.cfg", "my-env/lib/x.py")
    assert names(discover(["."])) == ["app.py"]


def test_a_package_called_build_is_read(make: Make):
    make("build/__init__.py", "build/x.py")
    assert names(discover(["."])) == ["build/__init__.py", "build/x.py"]


def test_an_excluded_folder_is_read_when_it_is_named(make: Make):
    make("app.py", "venv/lib/x.py")
    found = discover(["venv/lib"])
    assert asked(found) == ["venv/lib/x.py"]
    assert names(found) == ["app.py", "venv/lib/x.py"]


def test_stubs_are_left_out_and_counted(make: Make):
    make("app.py", "app.pyi")
    found = discover(["."])
    assert names(found) == ["app.py"]
    assert found.skipped["stubs"] == 1


# --- ignore files ----------------------------------------------------------------------------------------------------


def test_an_ignore_file_speaks_only_inside_a_repository(make: Make):
    make("x.py", **{".gitignore": "x.py\n"})
    assert names(discover(["."])) == ["x.py"]


@needs_git
def test_ignored_files_are_left_out_and_counted(make: Make):
    make("app.py", "out/x.py", "gen_y.py", **{".gitignore": "out/\ngen_*.py\n"})
    git("init")
    found = discover(["."])
    assert names(found) == ["app.py"]
    assert found.skipped["ignored"] == 2


@needs_git
def test_the_nearest_ignore_file_has_the_last_word(make: Make):
    make("a/gen_x.py", "b/gen_x.py", **{".gitignore": "gen_*.py\n", "a/.gitignore": "!gen_x.py\n"})
    git("init")
    assert names(discover(["."])) == ["a/gen_x.py"]


@needs_git
@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_a_tracked_file_is_never_ignored(make: Make, version: str):
    make("app.py", "cli/lib/tracked.py", "cli/lib/untracked.py", "lib/x.py", **{".gitignore": "lib/\n"})
    git("init")
    git("add", "--force", "app.py", "cli/lib/tracked.py", ".gitignore")
    git("update-index", "--index-version", version)
    assert names(discover(["."])) == ["app.py", "cli/lib/tracked.py"]


@needs_git
def test_when_the_index_cannot_be_read_nothing_is_ignored(make: Make):
    make("app.py", "lib/x.py", **{".gitignore": "lib/\n"})
    git("init")
    Path(".git/index").write_bytes(b"DIRC\0\0\0\2\0\0\0\3 and then nothing")
    assert names(discover(["."])) == ["app.py", "lib/x.py"]


@needs_git
def test_an_ignored_folder_is_read_when_it_is_named(make: Make):
    make("app.py", "out/x.py", "out/y_gen.py", **{".gitignore": "out/\n", "out/.gitignore": "*_gen.py\n"})
    git("init")
    assert asked(discover(["out"])) == ["out/x.py"]
    assert asked(discover(["out/y_gen.py"])) == ["out/y_gen.py"]


@needs_git
def test_ignore_files_above_the_project_hold_up_to_the_repository(make: Make):
    make("service/setup.cfg", "service/app.py", "service/gen.py", **{".gitignore": "gen.py\n"})
    git("init")
    assert names(discover(["service"])) == ["app.py"]


@needs_git
def test_a_repository_in_a_repository_has_its_own_rules(make: Make):
    make("vendor/lib/x.py", "lib/y.py", **{".gitignore": "lib/\n"})
    git("init")
    git("init", "vendor")
    assert names(discover(["."])) == ["vendor/lib/x.py"]


@needs_git
def test_a_line_that_is_no_pattern_is_passed_over(make: Make):
    make("app.py", "gen.py", **{".gitignore": "!\ngen.py\n/\n"})
    git("init")
    assert names(discover(["."])) == ["app.py"]


# --- links and hostile trees -----------------------------------------------------------------------------------------


@needs_posix
def test_links_that_lead_in_circles_are_followed_at_most_once(make: Make):
    make("a/x.py")
    os.symlink("..", "a/up")
    os.symlink("/", "everything")
    os.symlink("loop.py", "loop.py")
    found = discover(["."])
    assert names(found) == ["a/x.py"]
    assert found.skipped["links"] == 2
    assert [problem.path for problem in found.dangling] == ["loop.py"]


@needs_posix
def test_a_file_is_known_by_its_own_name_and_not_by_a_link_to_it(make: Make):
    make("z/real.py")
    os.symlink("z", "a")
    os.symlink("z/real.py", "b.py")
    found = discover(["."])
    assert names(found) == ["z/real.py"]
    assert asked(discover(["a"])) == ["z/real.py"]
    assert found.skipped["links"] == 2


@needs_posix
def test_a_link_out_of_the_project_is_followed(make: Make):
    make("service/setup.cfg", "service/app.py", "common/kafka.py")
    os.symlink("../common", "service/common")
    assert names(discover(["service"])) == ["app.py", "common/kafka.py"]


@needs_posix
def test_a_link_into_an_environment_is_not_followed(make: Make):
    make("service/setup.cfg", "service/app.py", "venv/lib/kafka/x.py")
    os.symlink("../venv/lib/kafka", "service/kafka")
    assert names(discover(["service"])) == ["app.py"]


@needs_posix
def test_a_link_to_nothing_is_named_and_hides_no_code(make: Make):
    make("app.py", "docs/readme.txt")
    os.symlink("/nowhere/config", "config")
    os.symlink("gone.py", "dangling.py")
    found = discover(["."])
    assert [(problem.path, problem.message) for problem in found.dangling] == [
        ("dangling.py", "the link leads nowhere")
    ]
    assert found.problems == ()


@needs_posix
def test_a_link_to_nothing_that_was_asked_for_is_a_problem(make: Make):
    make("app.py")
    os.symlink("gone.py", "dangling.py")
    assert [problem.path for problem in discover(["dangling.py"]).problems] == ["dangling.py"]


def test_a_folder_that_cannot_be_listed_is_a_problem(make: Make, monkeypatch: pytest.MonkeyPatch):
    make("app.py", "secret/x.py")
    scandir = os.scandir

    def denying(path: str) -> object:
        if path.endswith("secret"):
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denying)
    found = discover(["."])
    assert names(found) == ["app.py"]
    assert [(problem.path, problem.kind) for problem in found.problems] == [("secret", "unreadable")]
    assert found.problems[0].message == "the folder cannot be listed: Permission denied"


@needs_posix
def test_names_that_are_no_text_are_reported_as_text_and_stay_apart(make: Make):
    make("app.py")
    for name in (b"\xff.py", b"\\xff.py", b"new\nline.py", b"\x1b[31m.py"):
        Path(os.fsdecode(name)).touch()
    found = discover(["."])
    assert names(found) == ["\x1b[31m.py", "\\\\xff.py", "\\xff.py", "app.py", "new\nline.py"]
    assert all(source.path.encode() and os.path.exists(source.location) for source in found.files)


def test_very_deep_folders_are_walked(make: Make):
    make("app.py")
    for _ in range(1200):
        os.mkdir("d")
        os.chdir("d")
    Path("x.py").touch()
    os.chdir("../" * 1200)
    try:
        assert names(discover(["."])) == ["app.py", "d/" * 1200 + "x.py"]
    finally:  # pytest removes its folders by recursion, which ends at a depth of a thousand
        os.remove("d/" * 1200 + "x.py")
        os.removedirs("d/" * 1200)


# --- bad usage -------------------------------------------------------------------------------------------------------


def test_a_missing_path_is_a_configuration_error_that_names_it(make: Make):
    with pytest.raises(ConfigError, match="`nope` does not exist"):
        discover([".", "nope"])


def test_a_file_that_is_not_python_is_a_configuration_error(make: Make):
    make("app.py", "notes.txt")
    with pytest.raises(ConfigError, match=r"`notes.txt` is not Python; name a folder"):
        discover(["notes.txt"])


def test_no_python_file_is_a_configuration_error_that_says_what_was_left_out(make: Make):
    make("app.pyi", "build/x.py")
    with pytest.raises(ConfigError, match=r"no Python files found in `\.` \(left out: 1 excluded, 1 stubs\); name"):
        discover(["."])


@needs_posix
def test_a_current_directory_that_is_gone_is_a_configuration_error(make: Make, tmp_path: Path):
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir(tmp_path / "gone")
    try:
        with pytest.raises(ConfigError, match="does not exist any more"):
            discover(["."])
    finally:
        os.chdir(tmp_path)


def test_the_commands_that_a_project_declares_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "pyproject.toml").write_text(
        '[project.scripts]\nsend = "app.cli:send_all"\n[project.gui-scripts]\nx = 1\n'
    )
    (tmp_path / "a.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert discover((".",)).scripts == {"app.cli:send_all"}


def test_the_commands_of_setuptools_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "setup.cfg").write_text(
        "[options.entry_points]\nconsole_scripts =\n    send = shop.orders:main\n    fill = shop.fill:run [extra]\n"
    )
    (tmp_path / "setup.py").write_text(
        "import os\nos.mkdir('executed')\n"
        "setup(url='http://a=b:c/', entry_points={'console_scripts': ['show=shop:show']},"
        " gui='[gui_scripts]\\nlook = shop.gui:look\\n')\n"
    )
    monkeypatch.chdir(tmp_path)
    found = discover((".",)).scripts
    assert found == {"shop.orders:main", "shop.fill:run", "shop:show", "shop.gui:look"}
    assert not os.path.exists("executed")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", b"[project\xff"),
        ("setup.cfg", b"console_scripts\xff"),
        ("setup.cfg", b"no section\nconsole_scripts = a = b:c"),
        ("setup.py", b"'console_scripts' = \x00"),
        ("setup.py", b"console_scripts = " + b"(" * 10_000),
    ],
)
def test_a_broken_declaration_declares_nothing(
    name: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / name).write_bytes(content)
    (tmp_path / "a.py").write_text("")
    monkeypatch.chdir(tmp_path)
    assert discover((".",)).scripts == frozenset()

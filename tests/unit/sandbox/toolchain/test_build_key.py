"""A binary's key changes with everything that decides what the binary is, and nothing else."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sandbox.toolchain.build import binary_path, build_key
from sandbox.toolchain.cache import Cache
from sandbox.toolchain.catalogue import Tool
from sandbox.toolchain.errors import ToolchainError
from sandbox.toolchain.golang import BUILD_SETTINGS, Go

GO = Go(Path("go"), (1, 26, 8))


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    sources = {"go.mod": "module m\n", "go.sum": "", "cmd/main.go": "package main\n"}
    for name, text in sources.items():
        path = tmp_path / "module" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Tool(name="store", version="v1", module=str(tmp_path / "module"), package="./cmd")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("go.mod", id="a dependency was pinned anew"),
        pytest.param("go.sum", id="a dependency's content changed"),
        pytest.param("cmd/main.go", id="a source was edited"),
        pytest.param("cmd/more/new.go", id="a source was added"),
    ],
)
def test_a_changed_source_changes_the_key(tool: Tool, name: str) -> None:
    """Else an edit of the simulated stores would go on running the old ones."""
    before = build_key(tool, GO)
    path = tool.folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("// changed\n")
    assert build_key(tool, GO) != before


def test_a_renamed_source_changes_the_key(tool: Tool) -> None:
    """Names count in Go: `_test.go` and `_windows.go` change what is compiled."""
    before = build_key(tool, GO)
    (tool.folder / "cmd/main.go").rename(tool.folder / "cmd/other.go")
    assert build_key(tool, GO) != before


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"name": "other"}, id="name"),
        pytest.param({"tags": "without_dashboard"}, id="build tags"),
        pytest.param({"variables": (("main.version", "v1"),)}, id="linker flags"),
        pytest.param({"package": "./cmd/other"}, id="package"),
    ],
)
def test_a_changed_recipe_changes_the_key(tool: Tool, changed: dict[str, Any]) -> None:
    """The recipe makes the binary as much as its sources do."""
    assert build_key(replace(tool, **changed), GO) != build_key(tool, GO)


def test_a_changed_way_of_building_changes_the_key(
    tool: Tool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags that every build gets count as much as those of one recipe."""
    before = build_key(tool, GO)
    monkeypatch.setitem(BUILD_SETTINGS, "CGO_ENABLED", "1")
    assert build_key(tool, GO) != before


def test_a_go_release_changes_the_key_and_its_patch_level_does_not(tool: Tool) -> None:
    """Go 1.27 may behave otherwise; 1.26.9 is not worth four minutes."""
    assert build_key(tool, replace(GO, version=(1, 27, 0))) != build_key(tool, GO)
    assert build_key(tool, replace(GO, version=(1, 26, 9))) == build_key(tool, GO)


def test_tests_and_other_files_do_not_change_the_key(tool: Tool) -> None:
    """They do not get into the binary."""
    before = build_key(tool, GO)
    (tool.folder / "cmd/main_test.go").write_text("package main\n")
    (tool.folder / "README.md").write_text("hello\n")
    assert build_key(tool, GO) == before


def test_the_path_does_not_enter_the_key(tool: Tool, tmp_path: Path) -> None:
    """Two clones of the project share the cache."""
    before = build_key(tool, GO)
    clone = tmp_path / "clone"
    tool.folder.rename(clone)
    assert build_key(replace(tool, module=str(clone)), GO) == before


def test_the_path_of_a_binary_tells_its_version(tool: Tool, cache: Cache) -> None:
    """People look into the cache."""
    path = binary_path(tool, GO, cache)
    assert path == cache.root / "bin" / f"store-v1-{build_key(tool, GO)}" / "store"


def test_a_folder_without_sources_is_an_error(tool: Tool) -> None:
    """A damaged checkout must not be taken for an empty program."""
    with pytest.raises(ToolchainError, match="no Go sources"):
        build_key(replace(tool, module=str(tool.folder / "none")), GO)

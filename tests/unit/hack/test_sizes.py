"""The sizes of the tree: the same ruler for code and tests, and only what git would keep."""

import subprocess
from pathlib import Path

import pytest

from hack.sizes import Group, count, group_of, groups, main, table


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with two lines of code, three of tests, and files that are neither."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    for path, text in {
        ".gitignore": "build/\n",
        "operator/a.py": "x = 1\n\n",
        "sandbox/go/sim/a.go": "package sim\n",
        "sandbox/go/sim/a_test.go": "package sim\n\nfunc x() {\n",
        "tests/unit/test_a.py": "   \nassert True",
        "build/made.py": "y = 1\n" * 100,
        "README.md": "words\n" * 100,
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    subprocess.run(["git", "add", "operator"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "group"),
    [
        pytest.param("operator/assent/app.py", "operator", id="the product"),
        pytest.param("sandbox/demo/story.py", "sandbox", id="the sandbox"),
        pytest.param("hack/sizes.py", "hack", id="the generators"),
        pytest.param("tests/unit/hack/test_sizes.py", "tests", id="a test"),
        pytest.param("tests/support/fake_pd.py", "tests", id="what tests use is test"),
        pytest.param("sandbox/go/tikvsim/sim/sim.go", "go", id="Go"),
        pytest.param("sandbox/go/tikvsim/sim/sim_test.go", "go tests", id="Go's tests lie beside"),
        pytest.param("sandbox/tests/a.py", "sandbox", id="only the folder at the top is tests"),
    ],
)
def test_a_file_counts_once_and_on_the_right_side(path: str, group: str) -> None:
    """A file on the wrong side would move the ratio twice."""
    assert group_of(path) == group


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        pytest.param("", 0, id="an empty file"),
        pytest.param("\n \n\t\n", 0, id="only white space"),
        pytest.param("# why\n\nx = 1", 2, id="comments count, the last line needs no end"),
    ],
)
def test_blank_lines_do_not_count(text: str, lines: int) -> None:
    """Air between functions is no work."""
    assert count(text) == lines


def test_only_what_git_would_keep_is_counted(checkout: Path) -> None:
    """Untracked files are, for they are about to be committed; ignored ones are not."""
    assert groups(checkout) == [
        Group("go", (1,)),
        Group("go tests", (2,)),
        Group("operator", (1,)),
        Group("tests", (1,)),
    ]


def test_a_file_that_was_deleted_meanwhile_is_not_read(checkout: Path) -> None:
    """Git lists it until the deletion is staged."""
    (checkout / "operator/a.py").unlink()
    assert "operator" not in [one.name for one in groups(checkout)]


def test_outside_a_checkout_it_fails(tmp_path: Path) -> None:
    """Zero lines would be a lie."""
    with pytest.raises(subprocess.CalledProcessError):
        groups(tmp_path)


def test_the_table_has_middle_tail_and_ratio() -> None:
    """The median says how files are, the tail which to look at; 15 : 10 is one and a half."""
    shown = table([Group("hack", tuple(range(1, 5))), Group("go tests", (15,))]).splitlines()
    assert shown[0].split() == ["GROUP", "FILES", "LINES", "MEDIAN", "P90", "MAX"]
    assert shown[1].split() == ["hack", "4", "10", "2.5", "4", "4"]
    assert shown[2].split() == ["go", "tests", "1", "15", "15", "15", "15"]
    assert shown[3] == "test 15 : code 10 = 1.50"


def test_one_file_of_ten_may_be_longer_than_the_ninetieth() -> None:
    """Nearest rank: the ninth of ten."""
    assert table([Group("hack", (*range(1, 10), 500))]).splitlines()[1].split()[4:] == ["9", "500"]


def test_a_tree_without_code_has_no_ratio() -> None:
    """Rather than a division by zero."""
    assert table([Group("tests", (1,))]).endswith("= no code")


def test_this_tree_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    """As people call it."""
    assert main() == 0
    said = capsys.readouterr().out
    assert all(f"\n{name} " in said for name in ("go", "go tests", "hack", "operator", "sandbox"))

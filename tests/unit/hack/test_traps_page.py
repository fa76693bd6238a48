"""The page of traps: each trap with the tests that hold us to it, read from the tests."""

from pathlib import Path

import pytest

from hack.traps import HEADER, marks, traps_page
from tests.contract.traps import BY_NUMBER, TRAPS

ROOT = Path(__file__).resolve().parents[3]
# Current: unit/api/test_generated.py says so. Making it reads all tests.
PAGE = (ROOT / "docs/reference/traps.md").read_text()
FIRST = next(trap for trap in TRAPS if trap.applies)


def written(tmp_path: Path, text: str) -> Path:
    """A test file below a root of its own."""
    file = tmp_path / "tests/unit/test_x.py"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '@pytest.mark.trap("P01")\ndef test_a() -> None: ...\n',
            [("P01", "test_a")],
            id="a mark",
        ),
        pytest.param(
            '@pytest.mark.trap("P02", "P01")\nasync def test_a() -> None: ...\n',
            [("P01", "test_a"), ("P02", "test_a")],
            id="several in one mark, of a coroutine",
        ),
        pytest.param("def test_p16_x() -> None: ...\n", [("P16", "test_p16_x")], id="named"),
        pytest.param(
            'pytestmark = pytest.mark.trap("P05")\n'
            "def test_a() -> None: ...\ndef helper() -> None: ...\n",
            [("P05", "test_a")],
            id="a whole module, of which only tests count",
        ),
        pytest.param(
            'pytestmark = [pytest.mark.long, pytest.mark.trap("P05")]\n'
            '@pytest.mark.trap("P05")\ndef test_p05_a() -> None: ...\n',
            [("P05", "test_p05_a")],
            id="said three times, it is one",
        ),
        pytest.param(
            'class TestX:\n    @pytest.mark.trap("P07")\n    def test_a(self) -> None: ...\n',
            [("P07", "test_a")],
            id="in a class",
        ),
        pytest.param("def test_a() -> None: ...\n", [], id="none"),
    ],
)  # fmt: skip
def test_marks_are_found_however_they_are_written(
    tmp_path: Path, text: str, expected: list[tuple[str, str]]
) -> None:
    """A mark that is overlooked looks like a trap without a test."""
    assert sorted(marks(written(tmp_path, text))) == expected


def test_a_mark_must_be_a_literal(tmp_path: Path) -> None:
    """What is computed cannot be read without running the tests."""
    file = written(tmp_path, "@pytest.mark.trap(NUMBER)\ndef test_a() -> None: ...\n")
    with pytest.raises(ValueError, match="malformed node"):
        list(marks(file))


def test_a_trap_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    """A typing error would leave the real one without its test."""
    written(tmp_path, '@pytest.mark.trap("P99")\ndef test_a() -> None: ...\n')
    with pytest.raises(ValueError, match=r"tests/unit/test_x.py::test_a: there is no trap 'P99'"):
        traps_page(tmp_path)


def test_without_tests_every_trap_shows_its_gap(tmp_path: Path) -> None:
    """A dash in the last column is what a reader should see at once."""
    (tmp_path / "tests").mkdir()
    page = traps_page(tmp_path)
    assert page.count("| – |") == sum(1 for trap in TRAPS if trap.applies)


def test_a_test_stands_beside_its_trap(tmp_path: Path) -> None:
    """With its file, so that it can be run."""
    written(tmp_path, f'@pytest.mark.trap("{FIRST.number}")\ndef test_a() -> None: ...\n')
    page = traps_page(tmp_path)
    row = f"| {FIRST.number} | {FIRST.meaning} | `tests/unit/test_x.py::test_a` |"
    assert row in page.splitlines()


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.number)
def test_every_trap_has_a_test_or_a_reason(trap: object) -> None:
    """The claim of the page, one trap a time."""
    number = getattr(trap, "number", "")
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {number} |")]
    cells = row.strip("| ").split(" | ")
    assert len(cells) == 3
    if BY_NUMBER[number].applies:
        assert "::test_" in cells[2], f"{number} has no test"
    else:
        assert cells[2] == BY_NUMBER[number].left_out


def test_every_test_that_the_page_names_exists() -> None:
    """A renamed test must not live on here."""
    for line in PAGE.splitlines():
        for part in line.split("`")[1::2]:
            path, _, name = part.partition("::")
            if not name:
                continue
            assert f"def {name}(" in (ROOT / path).read_text(), part


def test_the_page_says_how_many_apply_and_where_it_comes_from() -> None:
    """The number is a claim of the README's."""
    assert PAGE.startswith(HEADER)
    assert f"{sum(trap.applies for trap in TRAPS)} of {len(TRAPS)} apply" in PAGE

"""What is counted by marks is marked rightly, and what is marked exists."""

import re
from pathlib import Path

from hack.traps import marks
from tests.contract.traps import BY_NUMBER

TESTS = Path(__file__).parents[1]
CONTRACT = TESTS / "contract"


def test_every_mark_names_a_trap_that_applies() -> None:
    """A trap that was left out for a reason and is tested after all: then the reason is wrong."""
    wrong = [
        f"{file.relative_to(TESTS)}::{name} {number}"
        for file in sorted(TESTS.rglob("test_*.py"))
        for number, name in marks(file)
        if number not in BY_NUMBER or not BY_NUMBER[number].applies
    ]
    assert wrong == []


def test_every_folder_of_contract_tests_has_a_smoke() -> None:
    """`make test` must notice when the real thing is no longer what the tests believe."""
    folders = {file.parent for file in CONTRACT.rglob("test_*.py")}
    smoked = {
        file.parent
        for file in CONTRACT.rglob("test_*.py")
        if re.search(r"^@pytest\.mark\.smoke$", file.read_text(), re.MULTILINE)
    }
    assert smoked == folders

"""The page of the authorization matrix says what the tables say."""

import pytest

from hack.matrix import WRITERS, matrix_page
from hack.versions import versions_page
from sandbox.toolchain.catalogue import KUBERNETES_VERSION, OLD_KUBERNETES_VERSION
from tests.matrix.operations.groups import GROUPS
from tests.matrix.roles import NAMES
from tests.matrix.tables import YES, sentences, table
from tests.matrix.writes import Kind

PAGE = matrix_page()
OPERATIONS = [operation for group in GROUPS.values() for operation in group]


def row(name: str) -> str:
    """Return the first row of an operation."""
    return next(line for line in PAGE.splitlines() if line.startswith(f"| `{name}`"))


@pytest.mark.parametrize("group", GROUPS)
def test_every_operation_has_a_row(group: str) -> None:
    """What is tried can be read."""
    for operation in GROUPS[group]:
        assert operation.says in row(operation.name)


def test_every_role_and_sentence_is_there() -> None:
    """Whoever reads a refusal finds it here."""
    for name in NAMES:
        assert f"\n| {name} |" in PAGE
    for word, refusal in sentences().items():
        assert word in ("rbac", "nocreate") or refusal.sentence in PAGE, word


def test_rows_say_who_may_and_what_others_are_told() -> None:
    """One of each kind: granted to few, to nobody, to all who write, by the plain door."""
    assert "| low, glass, gitops, robot, admin |" in row("approve-low")
    assert "may not approve* (403): editor, proposer, medium" in row("approve-low")
    assert "| nobody | *a decision can only be given" in row("approve-as-another")
    assert "(422): writers<br>the rest: RBAC |" in row("approve-as-another")
    assert "| writers | RBAC |" in row("cancel")
    assert "without effect: writers" in PAGE


def test_writers_are_those_who_may_annotate() -> None:
    """The name stands for what the table grants."""
    cells = table("record")
    granted = [name for name in NAMES if cells["annotate", Kind.MERGE, name] == YES]
    assert tuple(granted) == WRITERS


def test_the_usual_end_of_the_other_door_is_told_once() -> None:
    """Hundreds of equal rows would hide the others."""
    assert PAGE.count("Through `--subresource=status` nothing of this section gets in") >= 3
    assert "| `edit-own`" in PAGE
    assert PAGE.count("| `edit-own`") == 1


def test_the_floor_of_kubernetes_is_stated() -> None:
    """With the newest one, and what ran on each."""
    page = versions_page()
    assert f"| {KUBERNETES_VERSION} | everything" in page
    assert f"The floor is {OLD_KUBERNETES_VERSION}" in page
    assert (
        "`--field-selector` on our own fields, such as `status.phase=Pending`, needs v1.31" in page
    )

"""The tables say something of everything, and nothing twice."""

from itertools import product

import pytest

from tests.matrix.operation import Operation
from tests.matrix.operations.groups import GROUPS
from tests.matrix.roles import NAMES
from tests.matrix.tables import NAUGHT, YES, Key, TableError, read_sentences, read_table, table
from tests.matrix.tables import sentences as read_shipped
from tests.matrix.writes import PATCHES, Kind

OPERATIONS = [operation for group in GROUPS.values() for operation in group]


def cells_of(operations: tuple[Operation, ...]) -> set[Key]:
    """Return every cell that there must be, from what is tried and by whom."""
    return {
        (operation.name, kind, role)
        for operation, role in product(operations, NAMES)
        for kind in operation.kinds
    }


@pytest.mark.parametrize("group", GROUPS)
def test_every_role_operation_and_kind_is_a_cell(group: str) -> None:
    """A cell that nobody has thought about fails, and so does one that nobody tries."""
    assert set(table(group)) == cells_of(GROUPS[group])


def test_there_are_enough_roles_and_cells() -> None:
    """What the authorization matrix was asked to be: all the roles named, ≥ 300 cells."""
    asked = {
        "viewer",
        "editor",
        "low",
        "medium",
        "high",
        "critical",
        "typed",
        "second",
        "glass",
        "configurer",
        "proposer",
        "gitops",
        "operator",
        "replica",
        "neighbour",
        "admin",
    }
    assert asked <= set(NAMES)
    assert len(OPERATIONS) * len(NAMES) >= 300


def test_names_of_operations_are_their_own() -> None:
    """A name stands for one row of one table."""
    names = [operation.name for operation in OPERATIONS]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_what_one_patch_could_forge_is_tried_by_all(operation: Operation) -> None:
    """A rule that holds for merge patches and not for an apply is no rule."""
    patches = set(operation.kinds) & set(PATCHES)
    filing = operation.kinds == (Kind.CREATE, Kind.APPLY)
    assert not patches or filing or patches == set(PATCHES)


@pytest.mark.parametrize("group", ["deciding", "asking", "record"])
def test_what_is_not_status_is_tried_through_the_status_subresource_too(group: str) -> None:
    """`--subresource=status` is another door, with its own rights and rules."""
    for operation in GROUPS[group]:
        if operation.forging and Kind.CREATE not in operation.kinds and not operation.subresource:
            assert Kind.SUBRESOURCE in operation.kinds, operation.name


def test_status_is_tried_without_its_subresource_too() -> None:
    """The other way round."""
    for operation in GROUPS["status"]:
        assert Kind.PLAIN in operation.kinds, operation.name


def test_every_word_is_a_sentence_and_every_sentence_is_provoked() -> None:
    """A refusal that no cell provokes is one that nobody has seen."""
    used = {word for group in GROUPS for word in table(group).values()}
    assert used - {YES, NAUGHT} == set(read_shipped())


def test_every_operation_is_refused_somebody_and_most_are_granted_to_somebody() -> None:
    """What all may do needs no gate; what nobody may do is a forgery."""
    words: dict[str, set[str]] = {operation.name: set() for operation in OPERATIONS}
    for group in GROUPS:
        for (name, _, __), word in table(group).items():
            words[name].add(word)
    assert all(found - {YES, NAUGHT} for found in words.values())
    granted = [name for name, found in words.items() if YES in found]
    assert len(granted) >= 40


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("operation kinds a b\nedit merge yes", "line 2: 1 cells for 2 roles"),
        ("operation kinds a\nedit merge yes\nedit json,merge no", "line 3: edit by merge is there"),
        ("operation kinds a\nedit smoke yes", "'smoke' is not a valid Kind"),
    ],
)
def test_a_table_that_is_not_one_is_refused(text: str, says: str) -> None:
    """A slip of the pen must not take cells away."""
    with pytest.raises(ValueError, match=says):
        read_table(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("own 422", "line 1: expected WORD CODE SENTENCE"),
        ("own four sentence", "line 1: expected"),
        ("own 422 a\n\n# note\nown 403 b", "line 4: own is taken"),
        ("yes 200 fine", "line 1: yes is taken"),
    ],
)
def test_a_list_of_sentences_that_is_not_one_is_refused(text: str, says: str) -> None:
    """Two meanings of a word would make cells say what nobody wrote."""
    with pytest.raises(TableError, match=says):
        read_sentences(text)


def test_a_row_of_several_kinds_is_a_cell_for_each() -> None:
    """Written once where the sentence is the same."""
    read = read_table("# note\noperation kinds a b\nedit merge,json yes own")
    assert read == {
        ("edit", Kind.MERGE, "a"): "yes",
        ("edit", Kind.MERGE, "b"): "own",
        ("edit", Kind.JSON, "a"): "yes",
        ("edit", Kind.JSON, "b"): "own",
    }

"""The matrix of actions and PD versions."""

from assent.api.v1alpha1.actions import ActionType
from tests.contract.actions.versions import counts, table
from tests.contract.report import Result

RESULTS = {
    "a": Result(actions=["TransferLeader"], called=True),
    "b": Result(actions=["TransferLeader", "EvictLeaders"], called=True, failed=True),
    "c": Result(traps=["P16"], called=True),
    "d": Result(actions=["AddPeer"]),
}


def test_a_test_counts_for_every_action_it_names() -> None:
    """Only what ran to its end and did not fail is passed; what never ran is not."""
    found = counts(RESULTS)
    assert found["TransferLeader"] == (1, 2)
    assert found["EvictLeaders"] == (0, 1)
    assert found["AddPeer"] == (0, 1)
    assert found["MergeRegions"] == (0, 0)
    assert set(found) == {action.value for action in ActionType}


def test_the_matrix_has_a_line_for_every_action_and_a_column_for_every_version() -> None:
    """In the order of the catalogue, so that two runs can be compared by eye."""
    lines = table({"v8.1": counts(RESULTS), "v6.6": counts({})}).splitlines()
    assert lines[0].split() == ["v8.1", "v6.6"]
    assert [line.split()[0] for line in lines[1:]] == [action.value for action in ActionType]
    assert lines[1].split() == ["TransferLeader", "1/2", "0/0"]

"""How long PD gives each operator, by pd-api.md 2.2."""

from collections.abc import Callable

import pytest

from assent.core.actions import operator_time
from assent.core.actions.add_learner import AddLearnerAction
from assent.core.actions.add_peer import AddPeerAction
from assent.core.actions.operator_time import (
    add_learner_seconds,
    add_peer_seconds,
    remove_peer_seconds,
    transfer_peer_seconds,
)
from assent.core.actions.remove_peer import RemovePeerAction
from assent.core.actions.transfer_peer import TransferPeerAction


@pytest.mark.trap("P22")
@pytest.mark.parametrize(
    ("seconds", "small", "at_200_mib"),
    [
        pytest.param(add_learner_seconds, 10 * 60, 1200, id="add-learner: 10 min"),
        pytest.param(add_peer_seconds, 11 * 60, 1320, id="add-peer: 11 min"),
        pytest.param(transfer_peer_seconds, 18 * 60, 2160, id="transfer-peer: 17 to 18 min"),
        pytest.param(remove_peer_seconds, 4 * 60, 480, id="remove-peer: 4 min at its longest"),
    ],
)
def test_p22_pd_gives_larger_regions_longer(
    seconds: Callable[[int], int], small: int, at_200_mib: int
) -> None:
    """The examples of the reference at 100 MiB or less, and the rates above."""
    assert {seconds(size) for size in (0, 1, 100)} == {small}
    assert seconds(200) == at_200_mib


@pytest.mark.parametrize(
    ("bound", "seconds"),
    [
        (AddLearnerAction.timeout_seconds, add_learner_seconds),
        (AddPeerAction.timeout_seconds, add_peer_seconds),
        (TransferPeerAction.timeout_seconds, transfer_peer_seconds),
        (RemovePeerAction.timeout_seconds, remove_peer_seconds),
    ],
)
def test_our_own_timeout_outlives_pds(bound: int, seconds: Callable[[int], int]) -> None:
    """Or an operator would go on under a proposal that has already failed."""
    largest = seconds(operator_time.LARGEST_REGION_MIB)
    assert bound == largest + operator_time.MARGIN_SECONDS

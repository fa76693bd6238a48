"""The catalogue: every union member finds its action with its own parameters."""

import pytest

from assent.api.v1alpha1.actions import ActionType, action
from assent.api.v1alpha1.base import ApiModel
from assent.api.v1alpha1.parameters.region import TransferLeader
from assent.api.v1alpha1.parameters.store import (
    EvictLeaders,
    SetStoreLimit,
    StopEvictLeaders,
    StoreLimitKind,
)
from assent.core.actions.catalogue import CATALOGUE, action_of


@pytest.mark.parametrize(
    ("parameters", "kind"),
    [
        (TransferLeader(region_id=4, to_store_id=2), ActionType.TRANSFER_LEADER),
        (EvictLeaders(store_id=4), ActionType.EVICT_LEADERS),
        (StopEvictLeaders(store_id=4), ActionType.STOP_EVICT_LEADERS),
        (
            SetStoreLimit(store_id=4, kind=StoreLimitKind.ADD_PEER, rate_per_minute=3),
            ActionType.SET_STORE_LIMIT,
        ),
    ],
)
def test_an_ask_finds_its_action(parameters: ApiModel, kind: ActionType) -> None:
    """What the executor runs is what the union names."""
    found, params = action_of(action(parameters))
    assert found.type is kind
    assert params == parameters


def test_the_catalogue_cannot_be_changed_at_run_time() -> None:
    """An action is added in code, where it is reviewed."""
    with pytest.raises(TypeError):
        CATALOGUE[ActionType.EVICT_LEADERS] = CATALOGUE[  # type: ignore[index]
            ActionType.TRANSFER_LEADER
        ]

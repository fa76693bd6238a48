"""SetStoreLimit on the real PD."""

import pytest

from assent.api.v1alpha1.parameters.store import SetStoreLimit, StoreLimitKind
from tests.contract.actions.stage import Stage

pytestmark = pytest.mark.action("SetStoreLimit")


@pytest.mark.parametrize("kind", list(StoreLimitKind))
async def test_one_limit_of_one_store_is_set_and_restored(
    stage: Stage, kind: StoreLimitKind
) -> None:
    """No other limit moves, no region does, and what it was is exact again."""
    before = stage.whole_state()
    done = await stage.perform(SetStoreLimit(store_id=3, kind=kind, rate_per_minute=37))
    assert done.settled
    changed = stage.whole_state()
    await stage.until_same(before, except_for=["limit/3/*"])
    assert [value for value in changed.below("limit/3/").values() if value == 37] == [37]
    await stage.undo(done)
    await stage.until_same(before)
    assert stage.effects() == []
    assert [request.status for request in stage.writes()] == [200, 200]

"""Whatever more is known of other controllers, it never makes a refusal a permission."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from assent.api.v1alpha1.actions import ActionType
from assent.core.actions.action import Scope
from assent.core.actions.catalogue import SINGLES
from assent.core.model.snapshot import ClusterSnapshot
from assent.core.model.tidb_operator import ManagedPod, TidbOperatorFacts
from assent.core.model.verdict import Deny, Hold
from assent.core.policy.deed import Deed
from assent.core.policy.other_controllers import check_others
from tests.support import snapshots

LATER = snapshots.NOW + timedelta(minutes=5)
NAMES = (*snapshots.DEFAULT_SCHEDULERS, "evict-leader-scheduler")

deeds = st.lists(
    st.builds(
        Deed,
        st.sampled_from(list(SINGLES)),
        st.builds(Scope, store_ids=st.frozensets(st.integers(1, 4), max_size=1)),
    ),
    min_size=1,
    max_size=4,
)
operators = st.builds(
    TidbOperatorFacts,
    kind=st.sampled_from(["TidbCluster", "Cluster"]),
    name=st.just("db"),
    busy_with=st.sampled_from([None, "upgrade", "scaling"]),
    pd_busy_with=st.sampled_from([None, "PD's upgrade"]),
    evicting_store_ids=st.frozensets(st.integers(1, 4)),
    pods=st.dictionaries(
        st.integers(1, 4), st.builds(ManagedPod, st.just("db-tikv-0"), st.booleans(), st.booleans())
    ),
)
pauses = st.frozensets(st.sampled_from(NAMES))


def refuses(found: list[Deed], operator: TidbOperatorFacts | None, shown: ClusterSnapshot) -> bool:
    """Whether anything stands in the way."""
    checks = check_others(found, operator, shown)
    return any(isinstance(check.verdict, (Hold, Deny)) for check in checks)


def paused(names: frozenset[str]) -> ClusterSnapshot:
    """A cluster with these schedulers paused."""
    return snapshots.snapshot(paused_schedulers=dict.fromkeys(names, LATER))


@given(deeds, operators, pauses, pauses)
def test_more_at_work_never_allows_more(
    found: list[Deed],
    operator: TidbOperatorFacts,
    names: frozenset[str],
    more: frozenset[str],
) -> None:
    """An upgrade that begins, an object that becomes unreadable, one more paused scheduler."""
    if refuses(found, operator, paused(names)):
        assert refuses(found, operator, paused(names | more))
        worse = replace(operator, busy_with=operator.busy_with or "upgrade")
        assert refuses(found, worse, paused(names))
    if refuses(found, None, paused(names)):
        assert refuses(found, operator, paused(names))


@given(deeds, deeds, operators)
def test_a_longer_plan_is_refused_where_its_beginning_is(
    found: list[Deed], more: list[Deed], operator: TidbOperatorFacts
) -> None:
    """No step hides behind another."""
    shown = paused(frozenset())
    if refuses(found, operator, shown):
        assert refuses([*found, *more], operator, shown)


@given(operators)
def test_a_drain_of_a_store_with_a_pod_is_never_allowed(operator: TidbOperatorFacts) -> None:
    """Whatever else TiDB Operator is at."""
    for store_id in operator.pods:
        deed = Deed(ActionType.DRAIN_STORE, Scope(store_ids=frozenset({store_id})))
        assert refuses([deed], operator, paused(frozenset()))
        unread = replace(operator, readable=False, problem="gone")
        assert refuses([deed], unread, paused(frozenset()))

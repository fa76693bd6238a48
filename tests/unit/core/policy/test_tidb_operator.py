"""What is TiDB Operator's to do, what waits for it, and who most likely undid an effect."""

from typing import Any

import pytest

from assent.api.v1alpha1.actions import ActionType
from assent.api.v1alpha1.tikvcluster import TidbClusterKind
from assent.core.actions.action import Scope
from assent.core.actions.catalogue import SINGLES
from assent.core.model.tidb_operator import PAUSED, ManagedPod, TidbOperatorFacts
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from assent.core.policy.deed import Deed
from assent.core.policy.tidb_operator import IN_NOBODYS_WAY, culprit, tidb_checks, undo_hold

KEPT = ManagedPod("db-tikv-3")
LEAVING = ManagedPod("db-tikv-3", leaving=True)
OF_PEER = ManagedPod("other-tikv-0", of_peer=True)


def v1(pod: ManagedPod | None = KEPT, **changes: Any) -> TidbOperatorFacts:
    """TidbCluster db, idle, with that pod behind store 4."""
    pods = {} if pod is None else {4: pod}
    base = {"kind": "TidbCluster", "name": "db", "busy_with": None, "pods": pods}
    return TidbOperatorFacts(**{**base, **changes})


def v2(**changes: Any) -> TidbOperatorFacts:
    """Cluster db, idle."""
    return TidbOperatorFacts(
        **{"kind": TidbClusterKind.CLUSTER.value, "name": "db", "busy_with": None, **changes}
    )


def on_store(of: ActionType) -> Deed:
    """The deed on store 4."""
    return Deed(of, Scope(store_ids=frozenset({4})))


def verdict(of: ActionType, operator: TidbOperatorFacts, name: str) -> Verdict:
    """What the check of that name says to the deed on store 4."""
    return {check.name: check.verdict for check in tidb_checks([on_store(of)], operator)}[name]


def own(of: ActionType, operator: TidbOperatorFacts) -> Verdict:
    """Whether the change belongs to TiDB Operator."""
    return verdict(of, operator, "TidbOperatorsOwn")


def test_without_tidb_operator_nothing_is_said() -> None:
    """The plain cluster: no gate more than before."""
    assert tidb_checks([on_store(ActionType.DRAIN_STORE)], None) == ()
    assert undo_hold([on_store(ActionType.EVICT_LEADERS)], None) is None
    assert culprit(on_store(ActionType.EVICT_LEADERS), None) == ""


@pytest.mark.parametrize(
    ("of", "operator", "tool"),
    [
        pytest.param(
            ActionType.DRAIN_STORE, v1(), "scale in, by spec.tikv.replicas of TidbCluster db",
            id="the pod is in its StatefulSet",
        ),
        pytest.param(
            ActionType.DRAIN_STORE, v1(LEAVING), "wait for its scale-in",
            id="v1 removes the store itself",
        ),
        pytest.param(
            ActionType.DRAIN_STORE, v1(OF_PEER), "scale in there", id="another TidbCluster's pod"
        ),
        pytest.param(
            ActionType.STOP_EVICT_LEADERS, v1(evicting_store_ids=frozenset({4})),
            "remove the annotation tidb.pingcap.com/evict-leader from pod db-tikv-3",
            id="v1's own eviction",
        ),
        pytest.param(
            ActionType.STOP_EVICT_LEADERS, v1(None, evicting_store_ids=frozenset({4})),
            "from its pod", id="v1's own eviction, the pod's name unknown",
        ),
        pytest.param(
            ActionType.DRAIN_STORE, v2(), "spec.replicas of the TiKVGroup", id="v2 cancels drains"
        ),
        pytest.param(
            ActionType.EVICT_LEADERS, v2(), "by the TiKVGroup of Cluster db",
            id="v2 ends foreign evictions",
        ),
        pytest.param(
            ActionType.STOP_EVICT_LEADERS, v2(), "condition LeadersEvicted",
            id="v2 ends them itself, or wants them",
        ),
        pytest.param(
            ActionType.CANCEL_DRAIN, v2(), "set spec.offline to false", id="v2 removes again"
        ),
    ],
)  # fmt: skip
def test_what_belongs_to_tidb_operator_is_denied_and_the_tool_named(
    of: ActionType, operator: TidbOperatorFacts, tool: str
) -> None:
    """anchors.md 2.10, row by row: what would be undone, or would leave a pod without its store."""
    found = own(of, operator)
    assert isinstance(found, Deny)
    assert found.message.startswith("it belongs to TiDB Operator: ")
    assert tool in found.message
    assert len(found.message) < 1024


@pytest.mark.parametrize(
    ("of", "operator"),
    [
        pytest.param(ActionType.DRAIN_STORE, v1(None), id="its pod is gone: nobody else's"),
        pytest.param(ActionType.EVICT_LEADERS, v1(), id="v1 ends only what it recorded"),
        pytest.param(ActionType.STOP_EVICT_LEADERS, v1(), id="v1 does not claim this eviction"),
        pytest.param(ActionType.CANCEL_DRAIN, v1(), id="the TidbCluster asks for the pod"),
        pytest.param(ActionType.FORCE_REMOVE_STORE, v1(None), id="no pod behind it"),
        pytest.param(ActionType.SET_STORE_LIMIT, v2(), id="v2 keeps no limits"),
        pytest.param(ActionType.SET_STORE_WEIGHT, v1(), id="v1 keeps no weights"),
    ],
)
def test_what_is_nobody_elses_is_allowed(of: ActionType, operator: TidbOperatorFacts) -> None:
    """Only what TiDB Operator does is left to it."""
    assert isinstance(own(of, operator), Allow)


def test_a_removal_by_v1s_scale_in_is_cancelled_in_two_steps() -> None:
    """v1 would delete the store again; once the replicas are raised, v1 does not bring it back
    (tidb-operator issue 6195) and CancelDrain is what is needed.
    """
    held = own(ActionType.CANCEL_DRAIN, v1(LEAVING))
    assert isinstance(held, Hold)
    assert "raise its spec.tikv.replicas first" in held.message
    assert isinstance(own(ActionType.CANCEL_DRAIN, v1(KEPT)), Allow)


@pytest.mark.parametrize("operator", [v1(), v2()], ids=["v1", "v2"])
@pytest.mark.parametrize("of", [ActionType.FORCE_REMOVE_STORE, ActionType.SET_STORE_LABELS])
def test_what_it_would_change_later_is_warned_of(
    of: ActionType, operator: TidbOperatorFacts
) -> None:
    """A dead node's store may have to go although its pod is listed; labels come from nodes."""
    assert isinstance(own(of, operator), Warn)


@pytest.mark.parametrize("of", list(SINGLES))
@pytest.mark.parametrize(
    ("operator", "busy"),
    [
        (v1(None, busy_with="upgrade"), "upgrade"),
        (v1(None, busy_with="scaling"), "scaling"),
        (v1(None, busy_with="failover of pod db-tikv-0"), "failover of pod db-tikv-0"),
        (v1(None, pd_busy_with="PD's upgrade"), "PD's upgrade"),
        (v2(busy_with="a rollout"), "a rollout"),
    ],
    ids=["upgrade", "scale", "failover", "pd", "rollout"],
)
def test_everything_that_moves_something_waits_while_it_is_busy(
    of: ActionType, operator: TidbOperatorFacts, busy: str
) -> None:
    """Every type of the catalogue is in one of two groups; a new one waits until it is judged."""
    found = verdict(of, operator, "TidbOperatorIdle")
    assert isinstance(found, Warn if of in IN_NOBODYS_WAY else Hold)
    assert f"({busy})" in found.message


def test_idle_says_so() -> None:
    """A gate that passes is shown too."""
    for operator in (v1(), v2()):
        assert isinstance(verdict(ActionType.SET_STORE_LIMIT, operator, "TidbOperatorIdle"), Allow)


def test_a_paused_v2_holds_nothing_but_is_said() -> None:
    """Somebody paused it to work by hand; it undoes later what it would undo."""
    found = verdict(ActionType.SET_STORE_WEIGHT, v2(busy_with=PAUSED), "TidbOperatorIdle")
    assert isinstance(found, Warn)
    assert isinstance(own(ActionType.EVICT_LEADERS, v2(busy_with=PAUSED)), Deny)


def test_an_object_that_cannot_be_read_holds_and_says_what_is_missing() -> None:
    """Nothing is guessed, and the sentence names the object or the right."""
    blind = v1(None, readable=False, problem="needs verb get on tidbclusters")
    held = verdict(ActionType.DRAIN_STORE, blind, "TidbOperatorKnown")
    assert isinstance(held, Hold)
    assert "TidbCluster db cannot be read" in held.message
    assert "needs verb get on tidbclusters" in held.message
    harmless = verdict(ActionType.SET_STORE_LIMIT, blind, "TidbOperatorKnown")
    assert isinstance(harmless, Warn)


def test_of_a_plan_the_worst_step_counts() -> None:
    """A drain as the third step is refused before the first is sent."""
    deeds = [
        on_store(ActionType.SET_STORE_LIMIT),
        on_store(ActionType.EVICT_LEADERS),
        on_store(ActionType.DRAIN_STORE),
    ]
    checks = tidb_checks(deeds, v1())
    assert isinstance(checks[0].verdict, Deny)
    assert len(checks) == 2


def test_a_deed_on_no_store_is_not_tidb_operators() -> None:
    """Regions and settings are PD's and people's."""
    deed = Deed(ActionType.TRANSFER_LEADER, Scope(region_ids=frozenset({7})))
    assert isinstance(tidb_checks([deed], v2())[0].verdict, Allow)


@pytest.mark.parametrize(
    ("operator", "held"),
    [
        pytest.param(v1(), False, id="idle"),
        pytest.param(v1(busy_with="upgrade"), True, id="upgrading"),
        pytest.param(v1(evicting_store_ids=frozenset({4})), True, id="evicts the same store"),
        pytest.param(v1(evicting_store_ids=frozenset({5})), False, id="evicts another"),
        pytest.param(v1(readable=False, problem="gone"), True, id="unreadable"),
        pytest.param(v2(), False, id="v2 has ended it already, or will"),
    ],
)
def test_an_undo_waits_where_it_would_end_tidb_operators_own(
    operator: TidbOperatorFacts, held: bool
) -> None:
    """One entry in PD stands for both evictions."""
    found = undo_hold([on_store(ActionType.EVICT_LEADERS)], operator)
    assert isinstance(found, Hold) is held


@pytest.mark.parametrize(
    ("of", "operator", "said"),
    [
        (ActionType.EVICT_LEADERS, v2(), "ends every eviction that it did not ask for"),
        (ActionType.DRAIN_STORE, v2(), "cancels the removal of every store"),
        (ActionType.STOP_EVICT_LEADERS, v2(), "evicts leaders again"),
        (ActionType.CANCEL_DRAIN, v2(), "removes every store whose TiKV object is spec.offline"),
        (ActionType.EVICT_LEADERS, v1(busy_with="upgrade"), "once it has restarted its pod"),
        (
            ActionType.STOP_EVICT_LEADERS,
            v1(evicting_store_ids=frozenset({4})),
            "before it restarts its pod",
        ),
        (ActionType.CANCEL_DRAIN, v1(LEAVING), "removes the stores of a scale-in again"),
        (ActionType.DRAIN_STORE, v1(readable=False), "cannot be read"),
        (ActionType.EVICT_LEADERS, v1(), ""),
        (ActionType.DRAIN_STORE, v1(busy_with="scaling"), ""),
        (ActionType.TRANSFER_LEADER, v2(), ""),
    ],
)
def test_the_likely_culprit_is_named_only_where_it_has_the_habit(
    of: ActionType, operator: TidbOperatorFacts, said: str
) -> None:
    """PD names nobody; an idle v1 is not accused, and it never calls a removal off."""
    found = culprit(on_store(of), operator)
    assert said in found
    assert bool(found) is bool(said)

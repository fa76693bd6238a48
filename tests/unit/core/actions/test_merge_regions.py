"""MergeRegions: which neighbours it takes, what raises its tier, by what it is verified."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import MergeRegions
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.merge_regions import MergeRegionsAction
from assent.core.model.placement import RegionFit, RegionLabelRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole, StoreState
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.region_shape import DENY_MERGE, fit_of, rule
from tests.support.snapshots import region, snapshot, store, unprepared

ACTION = MergeRegionsAction()
ASK = MergeRegions(source_region_id=4, target_region_id=5)
LEFT_FIT = fit_of(region(4))
JOINT = (Peer(41, 1, PeerRole.VOTER), Peer(42, 2, PeerRole.DEMOTING_VOTER))


def pair(
    source: dict[str, Any] | None = None, into: dict[str, Any] | None = None, **more: Any
) -> ClusterSnapshot:
    """The cluster with region 4 (7480 to 7490) and its right neighbour 5 (to 74A0), both small."""
    left = region(4, **{"start_key": "7480", "end_key": "7490", "size_mib": 5, **(source or {})})
    right = region(5, **{"start_key": "7490", "end_key": "74A0", "size_mib": 5, **(into or {})})
    facts: dict[str, Any] = {
        "settings": {"max-merge-region-size": "20"},
        "replication": {"enable-placement-rules": "true"},
        "region_fits": {4: fit_of(left), 5: fit_of(right)},
        "label_rules": (),
        **more,
    }
    return snapshot(*facts.pop("stores", ()), regions=[left, right], **facts)


def without(seen: ClusterSnapshot, region_id: int) -> ClusterSnapshot:
    kept = {key: item for key, item in seen.regions.items() if key != region_id}
    return replace(seen, regions=kept)


def verdicts(seen: ClusterSnapshot, ask: MergeRegions = ASK) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def test_two_small_neighbours_may_be_merged() -> None:
    """The plain case: nothing hinders, every check says so by name, each name once."""
    checks = ACTION.preconditions(ASK, pair())
    assert all(isinstance(check.verdict, Allow) for check in checks)
    names = [check.name for check in checks]
    assert len(names) == len(set(names))
    assert {"SourceIdle", "TargetIdle", "Neighbours", "SameRules", "MergeNotDenied"} <= set(names)
    assert ACTION.risk(ASK, pair()).tier is Tier.MEDIUM


def test_halted_or_denied_scheduling_holds_it() -> None:
    """PD would move the source's peers all the same (P19): whoever imports wants none moved."""
    seen = pair()
    halted = replace(seen, schedule=replace(seen.schedule, halt_scheduling=True))
    held = verdicts(halted)["SchedulingNotHalted"]
    assert isinstance(held, Hold)
    assert held.reason == "SchedulingHalted"
    deny = replace(DENY_MERGE, labels={"schedule": "deny"})
    held = verdicts(pair(label_rules=(deny,)))["ScheduleNotDenied"]
    assert isinstance(held, Hold)
    assert held.reason == "ScheduleDenied"


@pytest.mark.trap("P14")
@pytest.mark.parametrize(
    ("source", "into", "kind"),
    [
        pytest.param({}, {}, Allow, id="source left of target"),
        pytest.param(
            {"start_key": "74A0", "end_key": "74B0"}, {}, Allow, id="source right of target"
        ),
        pytest.param({"end_key": "7488"}, {}, Deny, id="a gap between them"),
        pytest.param(
            {"start_key": ""}, {"end_key": ""}, Allow, id="first and last, and neighbours"
        ),
        pytest.param(
            {"start_key": "", "end_key": "7480"},
            {"start_key": "7490", "end_key": ""},
            Deny,
            id="the empty borders of first and last are not the same place",
        ),
        pytest.param(
            {"start_key": "7470", "end_key": "7480"},
            {"start_key": "7490", "end_key": "74A0"},
            Deny,
            id="what PD may list as siblings",
        ),
    ],
)
def test_p14_neighbours_are_known_by_their_keys(
    source: dict[str, Any], into: dict[str, Any], kind: type
) -> None:
    """PD's list of siblings repeats the left one where there is no right one."""
    assert isinstance(verdicts(pair(source, into))["Neighbours"], kind)


DOWN = frozenset({2})
HOLDS = [
    pytest.param(pair(source={"leader": None}), "SourceHasLeader", id="no leader of the source"),
    pytest.param(pair(into={"leader": None}), "TargetHasLeader", id="no leader of the target"),
    pytest.param(pair(source={"down_store_ids": DOWN}), "SourceInStep", id="a peer is down"),
    pytest.param(pair(into={"pending_store_ids": DOWN}), "TargetInStep", id="a peer lags"),
    pytest.param(
        pair(running_operators={5: "balance-region"}), "TargetIdle", id="P18: the target is busy"
    ),
    pytest.param(
        pair(running_operators={4: "balance-region"}), "SourceIdle", id="P18: the source is busy"
    ),
    pytest.param(
        pair(scheduler_max_waiting_operator=0), "OperatorsAllowed", id="P18: none is taken"
    ),
    pytest.param(
        pair(region_fits={4: LEFT_FIT}), "TargetReplicated", id="no rule is known: not read"
    ),
    pytest.param(
        pair(region_fits={4: fit_of(region(4), missing=1), 5: LEFT_FIT}),
        "SourceReplicated",
        id="a peer is missing",
    ),
    pytest.param(
        pair(region_fits={4: replace(LEFT_FIT, orphan_store_ids=DOWN), 5: LEFT_FIT}),
        "SourceReplicated",
        id="a peer that no rule wants",
    ),
    pytest.param(pair(into={"size_mib": 0}), "SizeBounded", id="a size is not known"),
    pytest.param(pair(into={"size_mib": 496}), "SizeBounded", id="together 501 MiB"),
    pytest.param(pair(label_rules=(DENY_MERGE,)), "MergeNotDenied", id="somebody denied it"),
]


@pytest.mark.parametrize(("seen", "check"), HOLDS)
def test_it_waits_for_what_may_heal(seen: ClusterSnapshot, check: str) -> None:
    """A hold on exactly the check it is about."""
    found = verdicts(seen)
    held = [name for name, other in found.items() if not isinstance(other, (Allow, Warn))]
    assert held == [check]
    assert isinstance(found[check], Hold)


def test_what_was_not_read_is_no_permission() -> None:
    """Settings, fits and labels are readings: without them nothing passes that needs them."""
    held = {
        name
        for name, verdict in verdicts(
            pair(replication=None, region_fits={}, label_rules=None)
        ).items()
        if isinstance(verdict, Hold)
    }
    assert held == {
        "SourceReplicated",
        "TargetReplicated",
        "MergeNotDenied",
        "ScheduleNotDenied",
    }
    assert ACTION.readings == {Reading.PLACEMENT, Reading.REPLICATION, Reading.REGION_LABELS}


@pytest.mark.trap("P20")
@pytest.mark.parametrize("state", [StoreState.OFFLINE, StoreState.DOWN, StoreState.DISCONNECTED])
def test_p20_a_store_that_is_going_holds(state: StoreState) -> None:
    """PD's own checker looks at it, its operator does not."""
    stores = [store(1), store(2, state=state), store(3), store(4)]
    found = verdicts(pair(stores=stores))
    assert isinstance(found["SourceStoresUp"], Hold)
    assert isinstance(found["TargetStoresUp"], Hold)
    missing = verdicts(pair(stores=[store(1), store(3)]))
    assert isinstance(missing["SourceStoresUp"], Hold)


@pytest.mark.parametrize(
    ("max_replicas", "kind"), [("3", Allow), ("5", Hold), (None, Hold)], ids=str
)
def test_without_placement_rules_replicas_are_counted(max_replicas: str | None, kind: type) -> None:
    """Then PD counts by max-replicas, and the rules of both are the same: none."""
    replication = {"enable-placement-rules": "false"}
    if max_replicas is not None:
        replication["max-replicas"] = max_replicas
    found = verdicts(pair(replication=replication, region_fits={}))
    assert isinstance(found["SourceReplicated"], kind)
    assert isinstance(found["SameRules"], Allow)


@pytest.mark.parametrize(
    ("seen", "ask", "reason"),
    [
        (without(pair(), 4), ASK, "RegionUnknown"),
        (without(pair(), 5), ASK, "RegionUnknown"),
        (pair(), MergeRegions(source_region_id=4, target_region_id=4), "SameRegion"),
    ],
    ids=["the source is gone", "the target is gone", "into itself"],
)
def test_it_refuses_what_cannot_heal(seen: ClusterSnapshot, ask: MergeRegions, reason: str) -> None:
    """A denial ends the proposal."""
    reasons = [item.reason for item in verdicts(seen, ask).values() if isinstance(item, Deny)]
    assert reason in reasons


def test_joint_state_waits() -> None:
    """PD refuses to merge then, on either side."""
    found = verdicts(pair(source={"peers": JOINT, "leader": 1}))
    assert isinstance(found["SourceSettled"], Hold)


def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """Half of its regions are missing just then."""
    assert list(verdicts(unprepared(pair()))) == ["Prepared"]


OTHER_RULE = RegionFit((rule(3, rule_id="other"),), {"pd/other": frozenset({1, 2, 3})}, frozenset())
LEFT_LABEL = RegionLabelRule("left-only", {"schedule": "deny"}, (("7480", "7490"),), {})
BOTH_LABEL = RegionLabelRule("both", {"schedule": "deny"}, (("7400", "7500"),), {})


@pytest.mark.parametrize(
    ("seen", "factor"),
    [
        pytest.param(
            pair(source={"size_mib": 21}), "max-merge-region-size 20", id="larger than PD merges"
        ),
        pytest.param(pair(settings={}), "not known", id="that bound is not known"),
        pytest.param(pair(source={"size_mib": 0}), "not known", id="the size is not known"),
        pytest.param(
            pair(region_fits={4: LEFT_FIT, 5: OTHER_RULE}), "pd/default, pd/other", id="rules"
        ),
        pytest.param(pair(region_fits={}), "not known", id="the rules are not known"),
        pytest.param(pair(label_rules=(LEFT_LABEL,)), "left-only", id="labels"),
        pytest.param(pair(label_rules=None), "not known", id="the labels are not known"),
        pytest.param(without(pair(), 5), "not known", id="nothing is known of the target"),
    ],
)
def test_what_raises_the_tier(seen: ClusterSnapshot, factor: str) -> None:
    """High, with the fact named: PD's own checker would not merge these, or would split again."""
    risk = ACTION.risk(ASK, seen)
    assert risk.tier is Tier.HIGH
    assert factor in " ".join(risk.factors)


def test_a_label_over_both_is_no_border() -> None:
    """Only what begins or ends between them makes PD split there."""
    seen = pair(label_rules=(BOTH_LABEL,))
    assert ACTION.risk(ASK, seen).tier is Tier.MEDIUM
    assert isinstance(verdicts(seen)["SameLabels"], Allow)


def test_other_stores_are_a_warning() -> None:
    """PD moves the source's peers first; that takes time and data, and it says so."""
    found = verdicts(pair(into={"peers": region(5, on=(1, 2, 4)).peers}))
    assert isinstance(found["SameStores"], Warn)


def test_the_call_names_both_regions() -> None:
    """What pd-api.md 1.5 says the endpoint takes."""
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/operators {"name":"merge-region","source_region_id":4,'
        '"target_region_id":5}'
    )


def test_the_target_is_known_by_both_epochs() -> None:
    """A split of either makes it another merge than the approved one."""
    target = ACTION.target(ASK, pair())
    assert target is not None
    assert target.id == "region/4"
    assert target.identity == [
        Fact(name="epoch", value="3/5"),
        Fact(name="targetEpoch", value="3/5"),
    ]
    assert ACTION.target(ASK, pair(into={"version": 9})) != target
    assert ACTION.target(ASK, without(pair(), 4)) is None
    assert ACTION.target(ASK, without(pair(), 5)) is None


@pytest.mark.trap("P17")
@pytest.mark.parametrize(
    ("source", "into", "merged", "progress", "why"),
    [
        ({}, {}, {"start_key": "7480"}, Progress.SETTLED, "the left one went into the right one"),
        (
            {"start_key": "74A0", "end_key": "74B0"},
            {},
            {"end_key": "74B0"},
            Progress.SETTLED,
            "the right one went into the left one",
        ),
        (
            {"start_key": "74A0", "end_key": ""},
            {},
            {"end_key": ""},
            Progress.SETTLED,
            "the last one went into the one before it",
        ),
        ({}, {}, {}, Progress.NOT_SEEN, "the source is gone, and the target as it was"),
        (
            {},
            {},
            {"start_key": "7400"},
            Progress.NOT_SEEN,
            "the target covers more than both: another merge",
        ),
    ],
)
def test_p17_verification_believes_ranges_only(
    source: dict[str, Any],
    into: dict[str, Any],
    merged: dict[str, Any],
    progress: Progress,
    why: str,
) -> None:
    """The source's operator says CANCEL of a success, so no operator is asked."""
    before = ACTION.before(ASK, pair(source, into))
    after = without(pair(source, {**into, **merged, "version": 4}), 4)
    assert ACTION.verify(ASK, before, after).progress is progress, why


def test_verification_while_both_are_there() -> None:
    """Not seen, with what PD shows; a target that is gone proves nothing either."""
    before = ACTION.before(ASK, pair())
    found = ACTION.verify(ASK, before, pair(running_operators={5: "admin-merge-region {…}"}))
    assert found.progress is Progress.NOT_SEEN
    assert "region 4 is still there" in found.message
    assert "admin-merge-region" in found.message
    assert ACTION.verify(ASK, before, without(pair(), 5)).progress is Progress.NOT_SEEN
    assert ACTION.verify(ASK, (), pair()).progress is Progress.NOT_SEEN


def test_both_regions_are_captured() -> None:
    """Borders and epochs, so that any other change is noticed."""
    before = ACTION.before(ASK, pair())
    assert {fact.name: fact.value for fact in before} == {
        "sourceStartKey": "7480",
        "sourceEndKey": "7490",
        "sourceEpoch": "3/5",
        "targetStartKey": "7490",
        "targetEndKey": "74A0",
        "targetEpoch": "3/5",
    }
    assert ACTION.unchanged(ASK, before, pair())
    assert not ACTION.unchanged(ASK, before, pair(into={"conf_ver": 6}))
    assert not ACTION.unchanged(ASK, before, without(pair(), 4))
    assert not ACTION.unchanged(ASK, (), pair())
    assert ACTION.before(ASK, without(pair(), 4)) == ()


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    assert ACTION.scope(ASK) == Scope(region_ids=frozenset({4, 5}))
    assert ACTION.idempotency is Idempotency.REFUSED_ON_REPEAT
    assert ACTION.reversibility is Reversibility.NOT
    assert ACTION.inverse(ASK, ACTION.before(ASK, pair())) is None
    assert not ACTION.already_done(ASK, pair())
    assert ACTION.sentence(ASK) == "merge region 4 into region 5"
    assert ACTION.pd_ctl(ASK) == "pd-ctl operator add merge-region 4 5"

"""ScatterRegion: what it needs, and how it tells a move from a "created" without one (P06)."""

from dataclasses import replace
from typing import Any

import pytest

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import ScatterRegion
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.scatter_region import ScatterRegionAction
from assent.core.model.operator import EndedOperator
from assent.core.model.placement import RegionLabelRule
from assent.core.model.reading import Reading
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.region_shape import fit_of, operator_text
from tests.support.snapshots import TIFLASH, region, snapshot, store, unprepared

ACTION = ScatterRegionAction()
ASK = ScatterRegion(region_id=4)
JOINT = (Peer(41, 1, PeerRole.VOTER), Peer(42, 4, PeerRole.INCOMING_VOTER))


def seen_with(**changes: Any) -> ClusterSnapshot:
    """Region 4 on stores 1 to 3 of four, with the changes."""
    found = region(4, **changes)
    return replace(
        snapshot(regions=[found]),
        replication={"enable-placement-rules": "true"},
        region_fits={4: fit_of(found)},
        label_rules=(),
    )


def denial(low: str = "", high: str = "") -> RegionLabelRule:
    return RegionLabelRule("import", {"schedule": "deny"}, ((low, high),), {})


def verdicts(seen: ClusterSnapshot) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ASK, seen)}


def test_a_whole_region_may_be_scattered() -> None:
    """The plain case: nothing hinders, every check says so by name."""
    found = verdicts(seen_with())
    assert all(isinstance(verdict, Allow) for verdict in found.values())
    assert {"RegionIdle", "PeersInStep", "RegionReplicated", "RoomToMove"} <= set(found)


@pytest.mark.parametrize(
    ("seen", "check"),
    [
        pytest.param(
            replace(
                seen_with(),
                schedule=replace(seen_with().schedule, halt_scheduling=True),
            ),
            "SchedulingNotHalted",
            id="p19: PD would not notice that somebody halted it",
        ),
        pytest.param(
            replace(seen_with(), label_rules=(denial(),)),
            "ScheduleNotDenied",
            id="p19: BR or Lightning import here",
        ),
        pytest.param(
            replace(seen_with(), label_rules=None),
            "ScheduleNotDenied",
            id="p19: whether anybody does was not read",
        ),
        pytest.param(seen_with(leader=None), "RegionHasLeader", id="PD refuses it without one"),
        pytest.param(seen_with(down_store_ids=frozenset({2})), "PeersInStep", id="a peer is down"),
        pytest.param(
            seen_with(pending_store_ids=frozenset({2})), "PeersInStep", id="a peer lags behind"
        ),
        pytest.param(
            replace(seen_with(), region_fits={}), "RegionReplicated", id="no rule was read"
        ),
        pytest.param(
            replace(seen_with(), region_fits={4: fit_of(region(4), missing=1)}),
            "RegionReplicated",
            id="PD refuses what is not fully replicated",
        ),
        pytest.param(
            replace(seen_with(), running_operators={4: "balance-region {…}"}),
            "RegionIdle",
            id="P18: one operator a region",
        ),
        pytest.param(
            replace(seen_with(), schedule=snapshot(scheduler_max_waiting_operator=0).schedule),
            "OperatorsAllowed",
            id="P18: none is taken",
        ),
    ],
)
def test_it_waits_for_what_may_heal(seen: ClusterSnapshot, check: str) -> None:
    """A hold on exactly the check it is about."""
    found = verdicts(seen)
    held = [name for name, other in found.items() if not isinstance(other, (Allow, Warn))]
    assert held == [check]
    assert isinstance(found[check], Hold)


def test_a_gone_region_is_refused() -> None:
    """P13: it was merged away and never comes back."""
    assert isinstance(verdicts(snapshot())["RegionKnown"], Deny)


def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """The region is missing from PD's memory just after a leader change."""
    assert list(verdicts(unprepared(seen_with()))) == ["Prepared"]


@pytest.mark.parametrize(
    "fourth",
    [store(4, last_heartbeat=None), store(4, labels=TIFLASH, leader_count=0)],
    ids=["silent", "TiFlash"],
)
def test_no_room_to_move_is_a_warning(fourth: Any) -> None:
    """Then only the leader can move, and often nothing does."""
    seen = replace(seen_with(), stores=(store(1), store(2), store(3), fourth))
    assert isinstance(verdicts(seen)["RoomToMove"], Warn)


@pytest.mark.trap("P06")
def test_p06_where_nothing_moved_nothing_is_seen() -> None:
    """PD says "The operator is created." without making one."""
    before = ACTION.before(ASK, seen_with())
    found = ACTION.verify(ASK, before, seen_with())
    assert found.progress is Progress.NOT_SEEN
    assert found.message == (
        "region 4 lies as before (1 Voter leads, 2 Voter, 3 Voter); "
        "PD may have found nothing to move (P06)"
    )
    assert ACTION.unchanged(ASK, before, seen_with())


@pytest.mark.parametrize(
    ("seen", "said", "perhaps_nothing"),
    [
        (
            replace(seen_with(), running_operators={4: operator_text("scatter-region", 4)}),
            "PD runs scatter-region",
            False,
        ),
        (
            replace(seen_with(), ended_operators={4: EndedOperator("TIMEOUT", "…")}),
            "ended as TIMEOUT",
            True,
        ),
    ],
    ids=["an operator runs", "one has ended"],
)
def test_an_operator_explains_and_does_not_decide(
    seen: ClusterSnapshot, said: str, perhaps_nothing: bool
) -> None:
    """P24: it may be another's, and one that ended may be older than the call (P23)."""
    found = ACTION.verify(ASK, ACTION.before(ASK, seen), seen)
    assert found.progress is Progress.NOT_SEEN
    assert said in found.message
    assert ("P06" in found.message) is perhaps_nothing


@pytest.mark.parametrize(
    ("seen", "progress", "why"),
    [
        (seen_with(on=(1, 2, 4)), Progress.SETTLED, "a peer has moved"),
        (seen_with(leader=2), Progress.SETTLED, "the leader has moved"),
        (seen_with(peers=JOINT), Progress.SEEN, "in the middle of a membership change"),
        (
            seen_with(on=(1, 2, 3, 4), pending_store_ids=frozenset({4})),
            Progress.SEEN,
            "the new peer lags",
        ),
        (
            replace(seen_with(leader=2), running_operators={4: operator_text("x", 4)}),
            Progress.SEEN,
            "its operator still runs",
        ),
        (snapshot(), Progress.NOT_SEEN, "PD does not show the region"),
    ],
)
def test_verification_believes_the_layout(
    seen: ClusterSnapshot, progress: Progress, why: str
) -> None:
    """Something moved: seen. It is at rest after it: settled."""
    before = ACTION.before(ASK, seen_with())
    assert ACTION.verify(ASK, before, seen).progress is progress, why


def test_without_captured_values_nothing_is_proved() -> None:
    """Nobody knows then how it lay before."""
    assert ACTION.verify(ASK, (), seen_with()).progress is Progress.NOT_SEEN
    assert not ACTION.unchanged(ASK, (), seen_with())


def test_the_layout_is_captured() -> None:
    """Stores, roles and the leader; an order of peers in PD's answer means nothing."""
    assert ACTION.before(ASK, seen_with(leader=3)) == (
        Fact(name="layout", value="1 Voter, 2 Voter, 3 Voter leads"),
    )
    shuffled = seen_with(peers=tuple(reversed(region(4).peers)))
    assert ACTION.before(ASK, shuffled) == ACTION.before(ASK, seen_with())
    assert ACTION.before(ASK, snapshot()) == ()
    many = ACTION.before(ASK, seen_with(on=range(10**15, 10**15 + 12), leader=None))
    assert many[0].value.startswith("sha256:"), "longer than a fact may be"


@pytest.mark.trap("P07")
def test_p07_the_call_is_for_one_region() -> None:
    """Never scatter-regions: that is always 200."""
    assert ACTION.call(ASK).line == (
        'POST /pd/api/v1/operators {"name":"scatter-region","region_id":4}'
    )


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    assert ACTION.scope(ASK) == Scope(region_ids=frozenset({4}))
    assert ACTION.risk(ASK, seen_with()).tier is Tier.MEDIUM
    assert ACTION.risk(ASK, seen_with()).factors == ["moves peers of one region of about 96 MiB"]
    assert ACTION.risk(ASK, snapshot()).factors == ["moves peers of one region of unknown size"]
    assert ACTION.idempotency is Idempotency.NEVER_REPEAT
    assert ACTION.reversibility is Reversibility.NOT
    assert ACTION.inverse(ASK, ACTION.before(ASK, seen_with())) is None
    assert not ACTION.already_done(ASK, seen_with())
    assert ACTION.readings == {Reading.PLACEMENT, Reading.REPLICATION, Reading.REGION_LABELS}
    assert ACTION.sentence(ASK) == "let PD place the peers and the leader of region 4 anew"
    assert ACTION.pd_ctl(ASK) == "pd-ctl operator add scatter-region 4"

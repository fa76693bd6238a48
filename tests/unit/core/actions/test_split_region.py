"""SplitRegion: which keys it takes, when it waits, by what it is verified."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from assent.api.v1alpha1.actionproposal import Fact
from assent.api.v1alpha1.parameters.region import SplitPolicy, SplitRegion
from assent.api.v1alpha1.tikvcluster import Tier
from assent.core.actions.action import Idempotency, Progress, Reversibility, Scope
from assent.core.actions.split_region import SplitRegionAction
from assent.core.model.operator import EndedOperator
from assent.core.model.snapshot import ClusterSnapshot, Peer, PeerRole
from assent.core.model.verdict import Allow, Deny, Hold, Verdict, Warn
from tests.support.snapshots import region, snapshot, unprepared

ACTION = SplitRegionAction()
MIDDLE = SplitRegion(region_id=4, policy=SplitPolicy.APPROXIMATE)
KEYS = ["748001", "74800101", "748002"]
AT_KEYS = SplitRegion(region_id=4, policy=SplitPolicy.USE_KEY, keys=KEYS)
SETTINGS = {"enable-tikv-split-region": "true", "max-merge-region-size": "20"}
JOINT = (Peer(41, 1, PeerRole.VOTER), Peer(42, 2, PeerRole.INCOMING_VOTER))


def seen_with(**changes: Any) -> ClusterSnapshot:
    """The region from 7480 to 7490 with the changes."""
    fields: dict[str, Any] = {"start_key": "7480", "end_key": "7490", **changes}
    return snapshot(regions=[region(4, **fields)], settings=SETTINGS)


def verdicts(seen: ClusterSnapshot, ask: SplitRegion = MIDDLE) -> dict[str, Verdict]:
    return {check.name: check.verdict for check in ACTION.preconditions(ask, seen)}


def at_keys(*keys: str) -> SplitRegion:
    return SplitRegion(region_id=4, policy=SplitPolicy.USE_KEY, keys=list(keys))


@pytest.mark.parametrize("ask", [MIDDLE, AT_KEYS], ids=["middle", "keys"])
def test_a_region_at_rest_may_be_split(ask: SplitRegion) -> None:
    """The plain case: nothing hinders, every check says so by name."""
    found = verdicts(seen_with(), ask)
    assert all(isinstance(verdict, Allow) for verdict in found.values())
    assert {"SplitsAllowed", "KeysUsable", "MiddleExists", "PartsStay", "RegionIdle"} <= set(found)


@pytest.mark.parametrize(
    ("seen", "check", "reason"),
    [
        pytest.param(
            replace(seen_with(), schedule=snapshot(halt_scheduling=True).schedule),
            "SplitsAllowed",
            "SchedulingHalted",
            id="halted: PD gives out no ids",
        ),
        pytest.param(
            replace(seen_with(), settings={"enable-tikv-split-region": "false"}),
            "SplitsAllowed",
            "SplitsDisabled",
            id="splits are switched off, as a restore does",
        ),
        pytest.param(
            replace(seen_with(), settings={}),
            "SplitsAllowed",
            "SettingUnknown",
            id="a setting that is not shown is no permission",
        ),
        pytest.param(
            replace(seen_with(), schedule=snapshot(scheduler_max_waiting_operator=0).schedule),
            "OperatorsAllowed",
            "OperatorsBlocked",
            id="P18: a waiting limit of 0",
        ),
        pytest.param(
            seen_with(leader=None), "RegionHasLeader", "RegionWithoutLeader", id="P49: no leader"
        ),
        pytest.param(
            seen_with(peers=JOINT), "RegionSettled", "RegionInJointState", id="P49: joint state"
        ),
        pytest.param(
            replace(seen_with(), running_operators={4: "merge-region"}),
            "RegionIdle",
            "RegionBusy",
            id="P18: one operator a region",
        ),
        pytest.param(
            seen_with(size_mib=0), "MiddleExists", "SizeUnknown", id="PD has no heartbeat yet"
        ),
        pytest.param(
            seen_with(size_mib=1), "MiddleExists", "RegionTooSmall", id="1 stands for 1 and less"
        ),
    ],
)
def test_it_waits_for_what_may_heal(seen: ClusterSnapshot, check: str, reason: str) -> None:
    """A hold, with a reason, on exactly the check it is about."""
    found = verdicts(seen)
    verdict = found[check]
    assert isinstance(verdict, Hold)
    assert verdict.reason == reason
    held = [name for name, other in found.items() if not isinstance(other, (Allow, Warn))]
    assert held == [check]


@pytest.mark.trap("P08")
@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        pytest.param(at_keys("7480"), "KeyOutside", id="the start itself"),
        pytest.param(at_keys("7490"), "KeyOutside", id="the end itself"),
        pytest.param(at_keys("7470", "748001"), "KeyOutside", id="one of two before it"),
        pytest.param(at_keys("748001", "74A0"), "KeyOutside", id="one of two behind it"),
        pytest.param(at_keys("748002", "748001"), "KeysNotSorted", id="not sorted"),
        pytest.param(at_keys("748001", "748001"), "KeysNotSorted", id="twice"),
        pytest.param(
            SplitRegion(region_id=4, policy=SplitPolicy.USE_KEY), "KeysMissing", id="no keys"
        ),
        pytest.param(
            SplitRegion(region_id=4, policy=SplitPolicy.SCAN, keys=["748001"]),
            "KeysNotWanted",
            id="keys that PD would overlook",
        ),
    ],
)
def test_p08_useless_keys_are_refused(ask: SplitRegion, reason: str) -> None:
    """PD takes all of them, says 200, and gives up a minute later."""
    verdict = verdicts(seen_with(), ask)["KeysUsable"]
    assert isinstance(verdict, Deny)
    assert verdict.reason == reason


def test_a_gone_region_is_refused() -> None:
    """P13: it was merged away and never comes back; nothing is said of its keys."""
    found = verdicts(snapshot(settings=SETTINGS))
    assert isinstance(found["RegionKnown"], Deny)
    assert "KeysUsable" not in found


@pytest.mark.parametrize(
    ("borders", "key", "why"),
    [
        (("", ""), "00", "the only region: every key is inside"),
        (("", "7490"), "00", "the first: it begins at the beginning"),
        (("7480", ""), "FFFF", "the last: it has no end"),
    ],
)
def test_open_borders_hold_every_key(borders: tuple[str, str], key: str, why: str) -> None:
    """An empty border is no border."""
    seen = seen_with(start_key=borders[0], end_key=borders[1])
    assert isinstance(verdicts(seen, at_keys(key))["KeysUsable"], Allow), why


@pytest.mark.trap("P21")
@pytest.mark.parametrize(("size", "kind"), [(40, Warn), (41, Warn), (42, Allow), (96, Allow)])
def test_p21_small_parts_are_merged_again(size: int, kind: type) -> None:
    """After an hour, where each part is not larger than max-merge-region-size (20 here)."""
    assert isinstance(verdicts(seen_with(size_mib=size))["PartsStay"], kind)


def test_p15_an_unprepared_pd_holds_and_judges_nothing_else() -> None:
    """The region is missing from PD's memory just after a leader change: no reason to refuse."""
    found = verdicts(unprepared(snapshot()))
    assert list(found) == ["Prepared"]


@pytest.mark.parametrize(
    ("ask", "line"),
    [
        (
            MIDDLE,
            'POST /pd/api/v1/operators {"name":"split-region","policy":"approximate",'
            '"region_id":4}',
        ),
        (
            at_keys("748001", "748002"),
            'POST /pd/api/v1/operators {"keys":["748001","748002"],"name":"split-region",'
            '"policy":"usekey","region_id":4}',
        ),
    ],
)
@pytest.mark.trap("P38")
def test_p38_the_call_is_an_operator(ask: SplitRegion, line: str) -> None:
    """Never POST /regions/split, with which PD may spin for ever."""
    assert ACTION.call(ask).line == line


@pytest.mark.trap("P43")
@pytest.mark.parametrize(
    ("ask", "changes", "progress", "why"),
    [
        (MIDDLE, {}, Progress.NOT_SEEN, "nothing happened"),
        (MIDDLE, {"start_key": "7488", "version": 4}, Progress.SETTLED, "the right part"),
        (MIDDLE, {"end_key": "7488", "version": 4}, Progress.SETTLED, "the left part"),
        (MIDDLE, {"start_key": "7488", "version": 3}, Progress.NOT_SEEN, "no new version"),
        (MIDDLE, {"version": 4}, Progress.NOT_SEEN, "a version, and the same borders"),
        (
            MIDDLE,
            {"start_key": "7470", "end_key": "7488", "version": 5},
            Progress.NOT_SEEN,
            "merged to the left and split: not only ours",
        ),
        (AT_KEYS, {"start_key": "748002", "version": 6}, Progress.SETTLED, "three new regions"),
        (AT_KEYS, {"end_key": "748001", "version": 6}, Progress.SETTLED, "the leftmost is kept"),
        (AT_KEYS, {"start_key": "748002", "version": 4}, Progress.SEEN, "two parts of four"),
        (AT_KEYS, {"start_key": "7485", "version": 6}, Progress.NOT_SEEN, "somebody else's key"),
    ],
)
def test_p43_verification_believes_borders_and_versions(
    ask: SplitRegion, changes: dict[str, Any], progress: Progress, why: str
) -> None:
    """One border stays, the other moves to a key that was asked for, and each part counts."""
    before = ACTION.before(ask, seen_with())
    assert ACTION.verify(ask, before, seen_with(**changes)).progress is progress, why


def test_verification_without_the_region_proves_nothing() -> None:
    """It may have been merged away since."""
    before = ACTION.before(MIDDLE, seen_with())
    found = ACTION.verify(MIDDLE, before, snapshot())
    assert (found.progress, found.after) == (Progress.NOT_SEEN, ())
    assert ACTION.verify(MIDDLE, (), seen_with()).progress is Progress.NOT_SEEN


def test_the_message_tells_how_the_operator_ended() -> None:
    """P23: as long as PD remembers; it explains, and never decides."""
    seen = replace(seen_with(), ended_operators={4: EndedOperator("TIMEOUT", "…")})
    found = ACTION.verify(MIDDLE, ACTION.before(MIDDLE, seen), seen)
    assert found.message.endswith("PD's last operator on it ended as TIMEOUT")


def test_the_borders_are_captured() -> None:
    """Also those that are longer than a fact may be: by their hash, which tells them apart."""
    assert ACTION.before(MIDDLE, seen_with()) == (
        Fact(name="startKey", value="7480"),
        Fact(name="endKey", value="7490"),
        Fact(name="version", value="3"),
    )
    long = ACTION.before(MIDDLE, seen_with(start_key="74" * 129))
    longer = ACTION.before(MIDDLE, seen_with(start_key="74" * 130))
    assert long[0].value.startswith("sha256:")
    assert long != longer
    assert ACTION.before(MIDDLE, snapshot()) == ()


def test_somebody_elses_split_is_a_change() -> None:
    """Nothing may be said to be as before then."""
    before = ACTION.before(MIDDLE, seen_with())
    assert ACTION.unchanged(MIDDLE, before, seen_with())
    assert not ACTION.unchanged(MIDDLE, before, seen_with(version=4))
    assert not ACTION.unchanged(MIDDLE, before, snapshot())
    assert not ACTION.unchanged(MIDDLE, (), seen_with())


def test_nothing_leads_straight_back() -> None:
    """A merge would need the new region's id, which only PD knows."""
    assert ACTION.inverse(MIDDLE, ACTION.before(MIDDLE, seen_with())) is None
    assert ACTION.reversibility is Reversibility.NOT


def test_what_it_says_of_itself() -> None:
    """Fixed properties that the executor and the docs rely on."""
    assert ACTION.scope(MIDDLE) == Scope(region_ids=frozenset({4}))
    assert ACTION.risk(MIDDLE, seen_with()).tier is Tier.MEDIUM
    assert ACTION.idempotency is Idempotency.NEVER_REPEAT
    assert not ACTION.already_done(MIDDLE, seen_with())
    assert ACTION.sentence(MIDDLE) == "split region 4 in the middle (Approximate)"
    assert ACTION.sentence(AT_KEYS) == "split region 4 at 3 given keys"
    assert ACTION.sentence(at_keys("748001")) == "split region 4 at 1 given key"
    assert ACTION.pd_ctl(MIDDLE) == "pd-ctl operator add split-region 4 --policy=approximate"
    assert ACTION.pd_ctl(at_keys("748001", "748002")) == (
        "pd-ctl operator add split-region 4 --policy=usekey --keys=748001,748002"
    )


@pytest.mark.parametrize("key", ["", "7", "748", "74zz", "74ff", "0x74", "74 80", "74" * 129])
def test_a_key_is_upper_case_hex(key: str) -> None:
    """As PD shows it: one spelling only, so that it can be compared."""
    with pytest.raises(ValidationError):
        at_keys(key)


@pytest.mark.parametrize("count", [0, 17])
def test_the_number_of_keys_is_bounded(count: int) -> None:
    """None at all is no split, and more are a job for many proposals."""
    with pytest.raises(ValidationError):
        at_keys(*(f"7480{number:02X}" for number in range(count)))

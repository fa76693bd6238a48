"""The cache shows the newest known state, whatever order news comes in."""

import copy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from assent.controllers import world as world_module
from assent.controllers.world import Key, World
from assent.errors import AssentError
from assent.kube.resources import KINDS
from tests.support.proposals import EVICT_4, cluster, proposal

KEY = (KINDS.proposal, "tikv/p1")
Raw = dict[str, Any]


class Told:
    """A World with what it told."""

    def __init__(self) -> None:
        self.changed: list[Key] = []
        self.malformed: list[tuple[Key, AssentError]] = []
        self.world = World(
            self.changed.append, lambda key, error: self.malformed.append((key, error))
        )


def raw(version: int, *, name: str = "p1", uid: str = "u1", **status: Any) -> Raw:
    """A proposal as the API server shows it."""
    return {
        "metadata": {
            "namespace": "tikv",
            "name": name,
            "uid": uid,
            "resourceVersion": str(version),
            "creationTimestamp": "2026-03-01T11:00:00Z",
            "generation": 1,
        },
        "spec": proposal(EVICT_4).spec.wire(),
        "status": status,
    }


def cluster_raw(version: int, **status: Any) -> Raw:
    """A TiKVCluster as the API server shows it."""
    found = raw(version, name="demo", uid="c1", **status)
    return {**found, "spec": cluster().spec.wire()}


def test_an_older_event_never_replaces_a_newer_object() -> None:
    """Our own write's answer comes before the watch tells of what was there before it."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(20, phase="Pending"))
    told.world.observe(KINDS.proposal, raw(12, phase="Approved"))
    found = told.world.proposal("tikv/p1")
    assert found is not None
    assert found.status.phase == "Pending"
    assert told.changed == [KEY]


def test_versions_are_numbers_and_not_text() -> None:
    """As text 9 would be newer than 10 (KEP-5504)."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(9))
    told.world.observe(KINDS.proposal, raw(10, phase="Pending"))
    found = told.world.raw(KEY)
    assert found is not None
    assert found["metadata"]["resourceVersion"] == "10"


def test_late_news_of_a_deleted_object_does_not_bring_it_back() -> None:
    """A write's answer may overtake, or be overtaken by, the deletion."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(10))
    told.world.bury(KINDS.proposal, raw(15))
    told.world.observe(KINDS.proposal, raw(12))
    assert told.world.proposals == ()


def test_an_object_made_anew_under_the_same_name_is_another() -> None:
    """And the late deletion of the earlier one does not take it away."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(10, uid="old"))
    told.world.observe(KINDS.proposal, raw(20, uid="new"))
    told.world.bury(KINDS.proposal, raw(15, uid="old"))
    found = told.world.proposal("tikv/p1")
    assert found is not None
    assert found.meta.uid == "new"


def test_a_complete_list_buries_what_is_gone_and_brings_what_came() -> None:
    """Kopf tells nothing of what was deleted while its watch was down."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(10, name="gone"))
    told.world.observe(KINDS.cluster, cluster_raw(11))
    before = told.world.versions(KINDS.proposal)
    told.world.replace(KINDS.proposal, [raw(12, name="new")], known_before=before)
    assert [item.meta.name for item in told.world.proposals] == ["new"]
    assert len(told.world.clusters) == 1
    assert (KINDS.proposal, "tikv/gone") in told.changed


def test_a_list_says_nothing_of_what_came_after_it_was_asked_for() -> None:
    """Filed while the list was on its way: it must not be buried, least of all for good."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(10, name="changed"))
    before = told.world.versions(KINDS.proposal)
    told.world.observe(KINDS.proposal, raw(11, name="filed"))
    told.world.observe(KINDS.proposal, raw(12, name="changed", phase="Pending"))
    told.world.replace(KINDS.proposal, [], known_before=before)
    assert sorted(item.meta.name for item in told.world.proposals) == ["changed", "filed"]


def test_a_malformed_object_is_reported_once_and_dropped() -> None:
    """One bad object is one line in the log, not the end of a loop; healed, it is back."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(10, phase="Pending"))
    bad = raw(11, phase="Dreaming")
    told.world.observe(KINDS.proposal, bad)
    told.world.observe(KINDS.proposal, copy.deepcopy(bad))
    assert told.world.proposal("tikv/p1") is None
    assert [key for key, _ in told.malformed] == [KEY]
    assert "status.phase" in told.malformed[0][1].message
    told.world.observe(KINDS.proposal, raw(12, phase="Pending"))
    assert told.world.proposal("tikv/p1") is not None


def test_the_highest_epoch_is_of_all_statuses_readable_or_not() -> None:
    """A new term must be above what any status has seen, or the API server's fence is void."""
    told = Told()
    assert told.world.highest_epoch == 0
    told.world.observe(KINDS.cluster, cluster_raw(10, epoch=4))
    told.world.observe(
        KINDS.proposal, raw(11, phase="Dreaming", execution={"epoch": 9, "holder": "x"})
    )
    assert told.world.highest_epoch == 9


def test_an_unreadable_proposal_in_flight_still_keeps_its_cluster_busy() -> None:
    """Its call is on its way whether we understand the rest of it or not."""
    told = Told()
    told.world.observe(
        KINDS.proposal, raw(10, uid="u9", phase="Executing", execution="not an object")
    )
    assert told.malformed
    assert dict(told.world.acting_proposals_of(cluster())) == {"u9": "p1"}


def test_unfinished_proposals_are_found_by_their_clusters_name() -> None:
    """Also when the TiKVCluster itself is gone."""
    told = Told()
    told.world.observe(KINDS.proposal, raw(10, name="new"))
    told.world.observe(KINDS.proposal, raw(11, name="flying", phase="Executing"))
    told.world.observe(KINDS.proposal, raw(12, name="over", phase="Expired"))
    names = {item.meta.name for item in told.world.unfinished_proposals_naming("tikv/demo")}
    assert names == {"new", "flying"}
    assert told.world.unfinished_proposals_naming("other/demo") == ()
    assert [item.meta.name for item in told.world.open_proposals_of(cluster())] == ["new"]


def test_graves_are_bounded(monkeypatch: Any) -> None:
    """An operator lives for months, and thousands of proposals are pruned meanwhile."""
    monkeypatch.setattr(world_module, "MAX_GRAVES", 3)
    told = Told()
    for number in range(10):
        told.world.observe(KINDS.proposal, raw(number * 2 + 1, name=f"p{number}"))
        told.world.bury(KINDS.proposal, raw(number * 2 + 2, name=f"p{number}"))
    assert len(told.world._buried) == 3
    assert (KINDS.proposal, "tikv/p9") in told.world._buried


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[tuple[str, Raw]], list[int]]:
    """One name's true history (lives and deaths), and an order in which the news of it comes."""
    version, uid, alive = 0, 0, False
    events: list[tuple[str, Raw]] = []
    for _ in range(draw(st.integers(1, 8))):
        version += 1
        if not alive:
            uid, alive = uid + 1, True
        elif draw(st.booleans()):
            alive = False
            events.append(("DELETED", raw(version, uid=f"u{uid}")))
            continue
        events.append(("MODIFIED", raw(version, uid=f"u{uid}")))
    order = draw(st.permutations(range(len(events))))
    again = draw(st.lists(st.sampled_from(range(len(events))), max_size=4))
    return events, [*order, *again]


@given(_histories())
def test_any_order_of_news_ends_in_the_newest_state(
    history: tuple[list[tuple[str, Raw]], list[int]],
) -> None:
    """Watch, lists and answers overtake each other and repeat; the end must be the same."""
    events, order = history
    told = Told()
    for number in order:
        kind, found = events[number]
        if kind == "DELETED":
            told.world.bury(KINDS.proposal, found)
        else:
            told.world.observe(KINDS.proposal, found)
    last, newest = events[-1]
    found_now = told.world.raw(KEY)
    if last == "DELETED":
        assert found_now is None
    else:
        assert found_now == newest


def test_managed_fields_are_not_kept_and_what_was_shown_is_not_changed() -> None:
    """They are half of an object's memory and nothing reads them; the watch's object is shared."""
    told = Told()
    shown = raw(5, phase="Pending")
    shown["metadata"]["managedFields"] = [{"manager": "kubectl"}]
    before = copy.deepcopy(shown)
    told.world.observe(KINDS.proposal, shown)
    kept = told.world.raw(KEY)
    assert kept is not None
    assert "managedFields" not in kept["metadata"]
    assert kept["metadata"]["resourceVersion"] == "5"
    assert shown == before


def test_one_clusters_proposals_are_found_apart_from_anothers() -> None:
    """A platform has hundreds of clusters: one approval must not look at all their history."""
    told = Told()
    other = {**raw(3, name="p2", uid="u2", phase="Pending")}
    other["spec"] = {**other["spec"], "clusterRef": {"name": "elsewhere"}}
    told.world.observe(KINDS.proposal, raw(2, phase="Succeeded"))
    told.world.observe(KINDS.proposal, raw(4, name="p3", uid="u3", phase="Executing"))
    told.world.observe(KINDS.proposal, other)
    here = proposal(EVICT_4).spec.cluster_ref.name
    unfinished = told.world.unfinished_proposals_naming(f"tikv/{here}")
    assert [item.meta.name for item in unfinished] == ["p3"]
    elsewhere = told.world.unfinished_proposals_naming("tikv/elsewhere")
    assert [item.meta.name for item in elsewhere] == ["p2"]


def test_of_a_finished_proposal_only_what_is_decided_by_stays_in_memory() -> None:
    """There are hundreds of them, and nobody but people reads why their gates held; what detection
    asks of them (phase, reason, when they ended, what was found) is there.
    """
    entry = {
        "at": "2026-03-01T11:00:00.000Z",
        "phase": "Pending",
        "reason": "AwaitingApproval",
        "by": "sre-1",
        "message": "filed",
        "hash": "sha256:1",
    }
    gate = {"name": "Mode", "verdict": "pass", "message": "Approval"}
    shown: dict[str, Any] = {"history": [entry], "gates": [gate], "conditions": []}
    told = Told()
    told.world.observe(KINDS.proposal, raw(10, phase="Pending", **shown))
    waiting = told.world.proposal("tikv/p1")
    ended = {"phase": "Succeeded", "reason": "Verified", "finishedAt": "2026-03-01T11:05:00.000Z"}
    told.world.observe(KINDS.proposal, raw(11, **ended, **shown))
    finished = told.world.proposal("tikv/p1")
    assert waiting is not None
    assert finished is not None
    assert waiting.status.wire()["gates"] == [gate]
    assert finished.status.wire() == ended
    stored = told.world.raw(KEY)
    assert stored is not None
    assert stored["status"] == {**ended, **shown}


def test_a_finished_proposal_reads_back_as_it_was() -> None:
    """It is kept packed; its epoch still counts for the next term, its version for old news."""
    told = Told()
    found = raw(9, phase="Succeeded", execution={"epoch": 7, "holder": "pod", "steps": []})
    told.world.observe(KINDS.proposal, found)
    assert told.world.raw(KEY) == found
    assert told.world.highest_epoch == 7
    assert told.world.versions(KINDS.proposal) == {KEY: 9}
    told.world.observe(KINDS.proposal, raw(8, phase="Executing"))
    assert told.world.raw(KEY) == found
    told.world.replace(KINDS.proposal, [], known_before={KEY: 9})
    assert told.world.raw(KEY) is None

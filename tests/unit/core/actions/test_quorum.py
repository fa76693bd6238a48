"""The arithmetic of replicas: who counts, how many are needed, how many may fail."""

import pytest

from assent.core.actions.quorum import Replica, Replicas, quorum, replicas_of
from assent.core.model.snapshot import Peer, PeerRole, Region, StoreState
from tests.support.snapshots import region, snapshot, store

V, L = PeerRole.VOTER, PeerRole.LEARNER
IN, OUT = PeerRole.INCOMING_VOTER, PeerRole.DEMOTING_VOTER


def group(*roles: PeerRole, ill: tuple[int, ...] = ()) -> Replicas:
    """Replicas on stores 1, 2, … in these roles; those on ``ill`` stores are down."""
    return Replicas(
        tuple(
            Replica(number, role, "down" if number in ill else None)
            for number, role in enumerate(roles, 1)
        )
    )


@pytest.mark.parametrize(
    ("voters", "needed"),
    [(0, 1), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3), (6, 4), (7, 4)],
)
def test_a_quorum_is_more_than_half(voters: int, needed: int) -> None:
    """Raft's rule; an empty group never has one."""
    assert quorum(voters) == needed


def test_there_are_no_negative_groups() -> None:
    """A caller's mistake must not pass as a small group."""
    with pytest.raises(ValueError, match="-1 voters"):
        quorum(-1)


@pytest.mark.parametrize(
    ("replicas", "spare", "why"),
    [
        pytest.param(group(V, V, V), 1, "three bear one loss", id="3 of 3"),
        pytest.param(group(V, V, V, ill=(3,)), 0, "the next loss is fatal", id="2 of 3"),
        pytest.param(group(V, V, V, ill=(2, 3)), -1, "one of three decides nothing", id="1 of 3"),
        pytest.param(group(V, V), 0, "two bear no loss", id="2 of 2"),
        pytest.param(group(V), 0, "one is its own majority", id="1 of 1"),
        pytest.param(group(V, V, V, V), 1, "four bear one, as three do", id="4 of 4"),
        pytest.param(group(V, V, V, V, V), 2, "five bear two", id="5 of 5"),
        pytest.param(group(), -1, "nobody decides nothing", id="none"),
        pytest.param(group(V, V, V, L, L), 1, "learners do not vote", id="learners"),
        pytest.param(group(V, V, V, L, ill=(3, 4)), 0, "an ill learner is no loss", id="ill one"),
        pytest.param(group(V, V, IN, OUT), 1, "joint: two majorities of three", id="joint"),
        pytest.param(
            group(V, V, IN, OUT, ill=(3,)), 0, "the new members lack one", id="incoming ill"
        ),
        pytest.param(
            group(V, V, IN, OUT, ill=(4,)), 0, "the old members lack one", id="demoting ill"
        ),
        pytest.param(
            group(V, IN, OUT, ill=(2,)), -1, "one of two new ones: the poorer counts", id="poorer"
        ),
    ],
)
def test_how_many_more_may_fail(replicas: Replicas, spare: int, why: str) -> None:
    """In a joint state both majorities are needed."""
    assert replicas.failures_to_spare == spare, why
    assert replicas.has_quorum == (spare >= 0), why


def test_counts_tell_voters_from_learners_and_healthy_from_ill() -> None:
    """What a person reads before removing one."""
    found = group(V, V, V, L, L, ill=(3, 5))
    assert (found.voters, found.healthy_voters) == (3, 2)
    assert (found.learners, found.healthy_learners) == (2, 1)
    assert [one.store_id for one in found.unhealthy] == [3, 5]


@pytest.mark.parametrize(
    ("replicas", "sentence"),
    [
        (group(V, V, V), "3 of 3 voters are healthy"),
        (group(V, V, V, ill=(3,)), "2 of 3 voters are healthy (down)"),
        (group(V, L), "1 of 1 voters are healthy, and 1 of 1 learners"),
    ],
)
def test_the_sentence_has_the_numbers(replicas: Replicas, sentence: str) -> None:
    """A refusal names the fact."""
    assert replicas.sentence == sentence


def test_one_less_and_one_more() -> None:
    """What a removal and an addition would make of it."""
    three = group(V, V, V)
    assert [one.store_id for one in three.without(2).all] == [1, 3]
    assert three.without(9) == three
    four = three.plus(Replica(4, L))
    assert (four.voters, four.learners) == (3, 1)
    assert four.without(4) == three


def test_a_store_holds_one_replica() -> None:
    """A second one would be counted twice."""
    with pytest.raises(ValueError, match="store 2 already holds"):
        group(V, V).plus(Replica(2, V))


@pytest.mark.parametrize(
    ("changes", "shape", "trouble"),
    [
        pytest.param({"state": StoreState.DOWN}, region(4), "store 3 is Down", id="P20: Down"),
        pytest.param(
            {"state": StoreState.DISCONNECTED},
            region(4),
            "store 3 is Disconnected",
            id="P37: silent for 20 s is no replica to count on",
        ),
        pytest.param(
            {"state": StoreState.OFFLINE},
            region(4),
            "store 3 is Offline",
            id="P20: a store that leaves takes its replica along",
        ),
        pytest.param(
            {"last_heartbeat": None},
            region(4),
            "store 3 has sent no heartbeat",
            id="Up without a heartbeat since PD's leader started proves nothing",
        ),
        pytest.param(
            {},
            region(4, down_store_ids=frozenset({3})),
            "the peer on store 3 is down",
            id="the leader reports the peer down although its store is Up",
        ),
        pytest.param(
            {},
            region(4, pending_store_ids=frozenset({3})),
            "the peer on store 3 is pending",
            id="a peer without its snapshot cannot carry the data alone",
        ),
    ],
)
def test_whatever_is_wrong_with_a_peer_counts(
    changes: dict[str, object], shape: Region, trouble: str
) -> None:
    """P20: PD counts none of it; each alone makes a replica unhealthy."""
    seen = snapshot(store(1), store(2), store(3, **changes), regions=[shape])
    found = replicas_of(shape, seen)
    assert [one.trouble for one in found.all] == [None, None, trouble]
    assert found.failures_to_spare == 0


def test_a_peer_on_a_store_that_is_gone_is_unhealthy() -> None:
    """A tombstone's peer, or one that PD forgot."""
    shape = region(4, on=(1, 2, 9))
    found = replicas_of(shape, snapshot(store(1), store(2), regions=[shape]))
    assert found.unhealthy == (Replica(9, V, "PD lists no store 9"),)


def test_roles_are_those_of_the_region() -> None:
    """TiFlash's learners are replicas, too."""
    shape = region(4, peers=(Peer(41, 1, V), Peer(42, 2, L)))
    found = replicas_of(shape, snapshot(regions=[shape]))
    assert [one.votes for one in found.all] == [True, False]

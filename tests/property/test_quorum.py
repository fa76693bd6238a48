"""What holds of every group of replicas."""

from hypothesis import given
from hypothesis import strategies as st

from assent.core.actions.quorum import Replica, Replicas, quorum, replicas_of
from assent.core.model.snapshot import ClusterSnapshot, PeerRole
from tests.support.snapshots import consistent_snapshots

ROLES = st.sampled_from(list(PeerRole))
SETTLED = st.sampled_from([PeerRole.VOTER, PeerRole.LEARNER])


def groups(roles: st.SearchStrategy[PeerRole]) -> st.SearchStrategy[Replicas]:
    """Draw up to nine replicas, some of them ill."""
    one = st.tuples(roles, st.sampled_from([None, None, "down"]))
    return st.lists(one, max_size=9).map(
        lambda found: Replicas(
            tuple(Replica(number, *drawn) for number, drawn in enumerate(found, 1))
        )
    )


def fail(group: Replicas, count: int) -> Replicas:
    """Let that many more healthy voters fail."""
    left, made = count, []
    for one in group.all:
        ill = left > 0 and one.votes and one.trouble is None
        left -= ill
        made.append(Replica(one.store_id, one.role, "failed" if ill else one.trouble))
    return Replicas(tuple(made))


@given(st.integers(0, 1000))
def test_two_quorums_always_meet_and_one_less_is_none(voters: int) -> None:
    """That is all that Raft's safety rests on."""
    assert 2 * quorum(voters) > voters
    assert 2 * (quorum(voters) - 1) <= voters


@given(groups(SETTLED), st.integers(0, 9))
def test_the_spare_is_exactly_what_may_fail(group: Replicas, failures: int) -> None:
    """At rest: as many failures as there are to spare keep the quorum, one more loses it."""
    failures = min(failures, group.healthy_voters)
    assert fail(group, failures).has_quorum == (failures <= group.failures_to_spare)


@given(groups(ROLES), st.integers(1, 9))
def test_illness_never_helps(group: Replicas, failures: int) -> None:
    """A worse group never has more to spare, whatever the roles."""
    assert fail(group, failures).failures_to_spare <= group.failures_to_spare


@given(groups(ROLES))
def test_a_joint_group_needs_both_majorities(group: Replicas) -> None:
    """P43: what neither the old nor the new members can decide is not decided."""
    for leaving in (PeerRole.DEMOTING_VOTER, PeerRole.INCOMING_VOTER):
        members = [
            one for one in group.all if one.role is not leaving and one.role is not PeerRole.LEARNER
        ]
        healthy = sum(one.trouble is None for one in members)
        if group.has_quorum:
            assert 2 * healthy > len(members)


@given(groups(SETTLED))
def test_learners_never_matter_to_the_quorum(group: Replicas) -> None:
    """They hold data and have no vote."""
    voters = Replicas(tuple(one for one in group.all if one.votes))
    assert voters.failures_to_spare == group.failures_to_spare


@given(groups(SETTLED), st.booleans())
def test_a_healthy_voter_more_never_loses_a_quorum(group: Replicas, healthy: bool) -> None:
    """AddPeer asks only for the quorum of now; an ill one more may lose it."""
    more = group.plus(Replica(99, PeerRole.VOTER, None if healthy else "down"))
    if healthy and group.has_quorum:
        assert more.has_quorum
    assert more.without(99) == group


@given(groups(SETTLED))
def test_removing_an_ill_voter_never_loses_a_quorum(group: Replicas) -> None:
    """What RemovePeer is for; removing a healthy one may, and then it is refused."""
    for one in group.unhealthy:
        if group.has_quorum:
            assert group.without(one.store_id).has_quorum


@given(consistent_snapshots())
def test_every_peer_is_counted_once(seen: ClusterSnapshot) -> None:
    """On whatever cluster a PD could show."""
    for region in seen.regions.values():
        found = replicas_of(region, seen)
        assert [one.store_id for one in found.all] == [peer.store_id for peer in region.peers]
        assert found.voters + found.learners == len(region.peers)
        assert 0 <= found.healthy_voters <= found.voters
        assert 0 <= found.healthy_learners <= found.learners
        sick = region.down_store_ids | region.pending_store_ids
        assert sick <= {one.store_id for one in found.unhealthy}

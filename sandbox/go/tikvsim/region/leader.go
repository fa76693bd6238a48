package region

import (
	"slices"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

// TransferLeaderTo carries out transfer_leader: to any healthy one of command.peers, else to
// command.peer. The epoch stays, the term grows by one.
func (r Region) TransferLeaderTo(
	asked Epoch, command *pdpb.TransferLeader, view View,
) (Change, Refusal) {
	if asked != r.Epoch {
		return Change{}, StaleEpoch
	}
	wanted := command.GetPeers()
	if len(wanted) == 0 {
		wanted = []*metapb.Peer{command.GetPeer()}
	}
	candidates := make([]Peer, 0, len(wanted))
	for _, target := range wanted {
		if target.GetId() == r.Leader {
			return Change{}, AlreadyDone
		}
		if peer, found := r.PeerByID(target.GetId()); found {
			candidates = append(candidates, peer)
		}
	}
	return r.lead(TransferLeader, candidates, view)
}

// MoveLeader makes the peer on a store the leader, as if the region had decided it by itself.
func (r Region) MoveLeader(store uint64, view View) (Change, Refusal) {
	peer, found := r.PeerOn(store)
	if !found {
		return Change{}, NoSuchPeer
	}
	if peer.ID == r.Leader {
		return Change{}, AlreadyDone
	}
	return r.lead(TransferLeader, []Peer{peer}, view)
}

// Elect gives the region a leader on a live store after it lost its own: term + 1, epoch kept.
func (r Region) Elect(view View) (Change, Refusal) {
	if leader, ok := r.LeaderPeer(); ok && view.Alive(leader.Store) {
		return Change{}, AlreadyDone
	}
	return r.lead(Election, r.Peers, view)
}

func (r Region) lead(kind Kind, candidates []Peer, view View) (Change, Refusal) {
	if !r.Quorum(view.Alive) {
		return Change{}, NoQuorum
	}
	healthy := slices.DeleteFunc(slices.Clone(candidates), func(p Peer) bool {
		return !p.votesAfter() || p.Witness || p.PendingAt(view.Now) || !view.Alive(p.Store)
	})
	if len(healthy) == 0 {
		return Change{}, NoCandidate
	}
	winner := healthy[0]
	if view.Load != nil {
		winner = slices.MinFunc(healthy, func(a, b Peer) int {
			return view.Load(a.Store) - view.Load(b.Store)
		})
	}
	next := r.clone()
	next.Leader = winner.ID
	next.Term++
	return Change{
		Kind: kind, Before: r.Epoch, Next: next,
		From: r.LeaderStore(), To: winner.Store, Peer: winner.ID,
	}, Accepted
}

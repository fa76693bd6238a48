package region

import (
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

func to(ids ...uint64) *pdpb.TransferLeader {
	command := &pdpb.TransferLeader{Peer: &metapb.Peer{Id: ids[0]}}
	if len(ids) > 1 {
		for _, id := range ids {
			command.Peers = append(command.Peers, &metapb.Peer{Id: id})
		}
	}
	return command
}

func TestTransferLeader(t *testing.T) {
	busy := func(stores ...uint64) func(uint64) int {
		return func(store uint64) int {
			for _, id := range stores {
				if id == store {
					return 10
				}
			}
			return 0
		}
	}
	cases := []struct {
		why     string
		roles   []metapb.PeerRole
		pending uint64
		command *pdpb.TransferLeader
		asked   Epoch
		dead    []uint64
		load    func(uint64) int
		refusal Refusal
		leader  uint64
	}{
		{why: "to the one peer", roles: three, command: to(103), leader: 103},
		{why: "to the store with the fewest leaders of several", roles: three,
			command: to(102, 103), load: busy(2), leader: 103},
		{why: "past a dead candidate", roles: three, command: to(102, 103), dead: []uint64{2}, leader: 103},
		{why: "past a pending candidate", roles: three, command: to(102, 103), pending: 102, leader: 103},
		{why: "to a voter that is joining", roles: []metapb.PeerRole{demoting, voter, incoming},
			command: to(103), leader: 103},
		{why: "a repeat is done already", roles: three, command: to(101), refusal: AlreadyDone},
		{why: "a repeat to several is done already", roles: three, command: to(102, 101),
			refusal: AlreadyDone},
		{why: "a learner cannot lead", roles: []metapb.PeerRole{voter, voter, learner},
			command: to(103), refusal: NoCandidate},
		{why: "a voter on its way out cannot lead", roles: []metapb.PeerRole{voter, voter, demoting, incoming},
			command: to(103), refusal: NoCandidate},
		{why: "a dead store cannot lead", roles: three, command: to(103), dead: []uint64{3},
			refusal: NoCandidate},
		{why: "a peer that is gone cannot lead", roles: three, command: to(999), refusal: NoCandidate},
		{why: "an old conf_ver", roles: three, command: to(103), asked: Epoch{4, 9}, refusal: StaleEpoch},
		{why: "an old version", roles: three, command: to(103), asked: Epoch{5, 8}, refusal: StaleEpoch},
		{why: "no quorum, no vote", roles: []metapb.PeerRole{voter, voter, voter, voter, voter},
			command: to(102), dead: []uint64{3, 4, 5}, refusal: NoQuorum},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			r := regionOf(c.roles...)
			for i := range r.Peers {
				if r.Peers[i].ID == c.pending {
					r.Peers[i].ReadyAt = noon.Add(time.Second)
				}
			}
			if c.asked == (Epoch{}) {
				c.asked = r.Epoch
			}
			view := viewOf(c.dead...)
			view.Load = c.load
			got, refusal := r.TransferLeaderTo(c.asked, c.command, view)
			if refusal != c.refusal {
				t.Fatalf("%q, want %q", refusal, c.refusal)
			}
			if refusal == Accepted && (got.Next.Leader != c.leader ||
				got.Next.Term != 4 || got.Next.Epoch != r.Epoch) {
				t.Errorf("leader %d term %d epoch %+v", got.Next.Leader, got.Next.Term, got.Next.Epoch)
			}
		})
	}
}

// A dead leader's region elects another with a higher term; a live one keeps its leader.
func TestElection(t *testing.T) {
	r := regionOf(three...)
	got, refusal := r.Elect(viewOf(1))
	if refusal != Accepted || got.Kind != Election || got.From != 1 || got.Next.Term != 4 {
		t.Errorf("%q %+v", refusal, got)
	}
	if got.Next.Leader == 101 || got.Next.Epoch != r.Epoch {
		t.Errorf("leader %d, epoch %+v", got.Next.Leader, got.Next.Epoch)
	}
	if _, refusal := r.Elect(viewOf(2)); refusal != AlreadyDone {
		t.Errorf("a region with a live leader: %q", refusal)
	}
	if _, refusal := r.Elect(viewOf(1, 2)); refusal != NoQuorum {
		t.Errorf("a region with one of three voters: %q", refusal)
	}
}

// In joint state both the old and the new voters must have a majority.
func TestQuorumInJointState(t *testing.T) {
	r := regionOf(voter, demoting, demoting, incoming, incoming)
	for _, c := range []struct {
		dead []uint64
		want bool
	}{
		{nil, true}, {[]uint64{2}, true}, {[]uint64{2, 4}, true},
		{[]uint64{2, 3}, false}, {[]uint64{4, 5}, false},
	} {
		if got := r.Quorum(viewOf(c.dead...).Alive); got != c.want {
			t.Errorf("dead %v: %v, want %v", c.dead, got, c.want)
		}
	}
}

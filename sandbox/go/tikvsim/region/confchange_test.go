package region

import (
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

const (
	voter    = metapb.PeerRole_Voter
	learner  = metapb.PeerRole_Learner
	incoming = metapb.PeerRole_IncomingVoter
	demoting = metapb.PeerRole_DemotingVoter

	addNode    = eraftpb.ConfChangeType_AddNode
	addLearner = eraftpb.ConfChangeType_AddLearnerNode
	removeNode = eraftpb.ConfChangeType_RemoveNode
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// viewOf is a world in which all but the named stores live and snapshots take a second.
func viewOf(dead ...uint64) View {
	down := make(map[uint64]bool)
	for _, id := range dead {
		down[id] = true
	}
	return View{
		Now: noon, SnapshotDelay: time.Second,
		Alive: func(store uint64) bool { return !down[store] },
	}
}

// regionOf has peers 101, 102, ... on stores 1, 2, ... with the roles; the first leads.
func regionOf(roles ...metapb.PeerRole) Region {
	r := Region{ID: 7, Epoch: Epoch{ConfVer: 5, Version: 9}, Leader: 101, Term: 3}
	for i, role := range roles {
		r.Peers = append(r.Peers, Peer{ID: uint64(101 + i), Store: uint64(1 + i), Role: role})
	}
	return r
}

func change(kind eraftpb.ConfChangeType, id, store uint64) *pdpb.ChangePeer {
	return &pdpb.ChangePeer{ChangeType: kind, Peer: &metapb.Peer{Id: id, StoreId: store}}
}

func changes(all ...*pdpb.ChangePeer) []*pdpb.ChangePeer { return all }

var three = []metapb.PeerRole{voter, voter, voter}

func TestChangePeers(t *testing.T) {
	cases := []struct {
		why     string
		roles   []metapb.PeerRole
		changes []*pdpb.ChangePeer
		dead    []uint64
		refusal Refusal
		kind    Kind
		confVer uint64
		after   map[uint64]metapb.PeerRole
	}{
		{why: "a new learner keeps PD's id and costs one conf_ver", roles: three,
			changes: changes(change(addLearner, 104, 4)), kind: AddPeer, confVer: 6,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter, 103: voter, 104: learner}},
		{why: "a new voter may be added straight away", roles: three,
			changes: changes(change(addNode, 104, 4)), kind: AddPeer, confVer: 6,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter, 103: voter, 104: voter}},
		{why: "AddNode on a learner promotes it", roles: []metapb.PeerRole{voter, voter, learner},
			changes: changes(change(addNode, 103, 3)), kind: Promote, confVer: 6,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter, 103: voter}},
		{why: "AddLearnerNode on a voter demotes it, in one simple step", roles: three,
			changes: changes(change(addLearner, 103, 3)), kind: Demote, confVer: 6,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter, 103: learner}},
		{why: "a follower is removed", roles: three,
			changes: changes(change(removeNode, 102, 2)), kind: RemovePeer, confVer: 6,
			after: map[uint64]metapb.PeerRole{101: voter, 103: voter}},
		{why: "joint entry costs one conf_ver for each change",
			roles:   []metapb.PeerRole{voter, voter, voter, learner},
			changes: changes(change(addNode, 104, 4), change(addLearner, 103, 3)),
			kind:    EnterJoint, confVer: 7,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter, 103: demoting, 104: incoming}},
		{why: "joint entry may demote the leader, PD moves it inside the joint state",
			roles:   []metapb.PeerRole{voter, voter, voter, learner},
			changes: changes(change(addNode, 104, 4), change(addLearner, 101, 1)),
			kind:    EnterJoint, confVer: 7,
			after: map[uint64]metapb.PeerRole{101: demoting, 102: voter, 103: voter, 104: incoming}},
		{why: "leaving costs one conf_ver for each peer in between",
			roles: []metapb.PeerRole{voter, voter, demoting, incoming}, kind: LeaveJoint, confVer: 7,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter, 103: learner, 104: voter}},

		{why: "a repeated AddLearner changes nothing", roles: []metapb.PeerRole{voter, voter, learner},
			changes: changes(change(addLearner, 103, 3)), refusal: AlreadyDone},
		{why: "a repeated promotion changes nothing", roles: three,
			changes: changes(change(addNode, 103, 3)), refusal: AlreadyDone},
		{why: "a repeated removal finds nobody", roles: three,
			changes: changes(change(removeNode, 104, 4)), refusal: AlreadyDone},
		{why: "a removal of an older peer of that store finds nobody", roles: three,
			changes: changes(change(removeNode, 99, 3)), refusal: AlreadyDone},
		{why: "a repeated joint entry changes nothing",
			roles:   []metapb.PeerRole{voter, voter, demoting, incoming},
			changes: changes(change(addNode, 104, 4), change(addLearner, 103, 3)), refusal: AlreadyDone},
		{why: "another joint entry waits for the first to end",
			roles:   []metapb.PeerRole{voter, voter, demoting, incoming},
			changes: changes(change(addNode, 104, 4), change(addLearner, 102, 2)), refusal: InJointState},
		{why: "a repeated leave changes nothing", roles: three, refusal: AlreadyDone},
		{why: "a leader that would become a learner has to move first",
			roles: []metapb.PeerRole{demoting, voter, voter, incoming}, refusal: IsLeader},
		{why: "the leader is never removed", roles: three,
			changes: changes(change(removeNode, 101, 1)), refusal: IsLeader},
		{why: "the leader is never demoted alone", roles: three,
			changes: changes(change(addLearner, 101, 1)), refusal: IsLeader},
		{why: "a store holds one peer of a region", roles: three,
			changes: changes(change(addLearner, 104, 3)), refusal: PeerConflict},
		{why: "a simple change has no place in joint state",
			roles:   []metapb.PeerRole{voter, voter, demoting, incoming},
			changes: changes(change(addLearner, 105, 5)), refusal: InJointState},
		{why: "joint entry names peers that are there", roles: three,
			changes: changes(change(addNode, 104, 4), change(addLearner, 103, 3)), refusal: NoSuchPeer},
		{why: "TiKV does not remove voters in a joint change", roles: three,
			changes: changes(change(removeNode, 102, 2), change(addLearner, 103, 3)),
			refusal: Unsupported},
		{why: "without a quorum nothing can be committed", roles: three, dead: []uint64{2, 3},
			changes: changes(change(addLearner, 104, 4)), refusal: NoQuorum},
		{why: "a removal that would leave no quorum is refused", roles: three, dead: []uint64{3},
			changes: changes(change(removeNode, 102, 2)), refusal: NoQuorum},
		{why: "a dead voter can be removed by the two others", roles: three, dead: []uint64{3},
			changes: changes(change(removeNode, 103, 3)), kind: RemovePeer, confVer: 6,
			after: map[uint64]metapb.PeerRole{101: voter, 102: voter}},
		{why: "a peer without id or store is no peer", roles: three,
			changes: changes(change(addLearner, 0, 4)), refusal: NoSuchPeer},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			r := regionOf(c.roles...)
			got, refusal := r.ChangePeers(r.Epoch, c.changes, viewOf(c.dead...))
			if refusal != c.refusal {
				t.Fatalf("refusal %q, want %q", refusal, c.refusal)
			}
			if r.Epoch.ConfVer != 5 || len(r.Peers) != len(c.roles) {
				t.Fatal("the region itself was modified")
			}
			if refusal != Accepted {
				return
			}
			want := Epoch{ConfVer: c.confVer, Version: 9}
			if got.Kind != c.kind || got.Next.Epoch != want || got.Before != r.Epoch {
				t.Fatalf("got %s %+v from %+v", got.Kind, got.Next.Epoch, got.Before)
			}
			if len(got.Next.Peers) != len(c.after) {
				t.Fatalf("peers %+v", got.Next.Peers)
			}
			for _, peer := range got.Next.Peers {
				if role, known := c.after[peer.ID]; !known || role != peer.Role {
					t.Errorf("peer %d is %s, want %s", peer.ID, peer.Role, role)
				}
			}
		})
	}
}

// PD repeats a command with the epoch it saw, so the second copy carries an old epoch.
func TestARepeatedCommandIsStale(t *testing.T) {
	r := regionOf(voter, voter, voter, learner)
	commands := map[string][]*pdpb.ChangePeer{
		"add":    changes(change(addLearner, 105, 5)),
		"remove": changes(change(removeNode, 102, 2)),
		"joint":  changes(change(addNode, 104, 4), change(addLearner, 103, 3)),
	}
	for name, command := range commands {
		first, refusal := r.ChangePeers(r.Epoch, command, viewOf())
		if refusal != Accepted {
			t.Fatalf("%s: %s", name, refusal)
		}
		if _, refusal := first.Next.ChangePeers(r.Epoch, command, viewOf()); refusal != StaleEpoch {
			t.Errorf("%s again: %q, want stale", name, refusal)
		}
	}
}

// TiKV compares conf_ver alone for peer changes: a split in between does not matter, and neither
// an older nor a newer conf_ver is obeyed.
func TestPeerChangesCompareConfVerOnly(t *testing.T) {
	r := regionOf(three...)
	add := changes(change(addLearner, 104, 4))
	for _, c := range []struct {
		asked Epoch
		want  Refusal
	}{
		{Epoch{ConfVer: 5, Version: 8}, Accepted},
		{Epoch{ConfVer: 4, Version: 9}, StaleEpoch},
		{Epoch{ConfVer: 6, Version: 9}, StaleEpoch},
		{Epoch{}, StaleEpoch},
	} {
		if _, refusal := r.ChangePeers(c.asked, add, viewOf()); refusal != c.want {
			t.Errorf("asked with %+v: %q, want %q", c.asked, refusal, c.want)
		}
	}
}

// A new peer is pending until its snapshot arrives, and for ever while its store is down.
func TestNewPeersArePending(t *testing.T) {
	r := regionOf(three...)
	add := changes(change(addLearner, 104, 4))
	got, _ := r.ChangePeers(r.Epoch, add, viewOf())
	peer, _ := got.Next.PeerByID(104)
	if !peer.PendingAt(noon) || peer.PendingAt(noon.Add(time.Second)) {
		t.Errorf("pending until %s, want one second", peer.ReadyAt)
	}
	got, _ = r.ChangePeers(r.Epoch, add, viewOf(4))
	if peer, _ = got.Next.PeerByID(104); !peer.ReadyAt.Equal(Never) {
		t.Errorf("on a dead store it is ready at %s", peer.ReadyAt)
	}
}

func TestSwitchWitnesses(t *testing.T) {
	cases := []struct {
		why      string
		switches []*pdpb.SwitchWitness
		asked    Epoch
		refusal  Refusal
		confVer  uint64
	}{
		{"each switched peer costs one conf_ver", []*pdpb.SwitchWitness{
			{PeerId: 102, IsWitness: true}, {PeerId: 103, IsWitness: true},
		}, Epoch{5, 9}, Accepted, 7},
		{"one that is so already costs nothing", []*pdpb.SwitchWitness{
			{PeerId: 102, IsWitness: true}, {PeerId: 103},
		}, Epoch{5, 9}, Accepted, 6},
		{"a repeat changes nothing", []*pdpb.SwitchWitness{{PeerId: 102}}, Epoch{5, 9}, AlreadyDone, 0},
		{"a leader cannot be a witness", []*pdpb.SwitchWitness{
			{PeerId: 101, IsWitness: true}}, Epoch{5, 9}, IsLeader, 0},
		{"a peer that is gone", []*pdpb.SwitchWitness{{PeerId: 999}}, Epoch{5, 9}, NoSuchPeer, 0},
		{"an old epoch", []*pdpb.SwitchWitness{
			{PeerId: 102, IsWitness: true}}, Epoch{4, 9}, StaleEpoch, 0},
	}
	for _, c := range cases {
		t.Run(c.why, func(t *testing.T) {
			got, refusal := regionOf(three...).SwitchWitnesses(c.asked, c.switches, viewOf())
			if refusal != c.refusal || got.Next.Epoch.ConfVer != c.confVer {
				t.Errorf("%q, conf_ver %d", refusal, got.Next.Epoch.ConfVer)
			}
		})
	}
}

// A witness has no data: back as a full replica it waits for a snapshot.
func TestAFormerWitnessIsPending(t *testing.T) {
	r := regionOf(three...)
	r.Peers[1].Witness = true
	got, _ := r.SwitchWitnesses(r.Epoch, []*pdpb.SwitchWitness{{PeerId: 102}}, viewOf())
	if peer, _ := got.Next.PeerByID(102); peer.Witness || !peer.PendingAt(noon) {
		t.Errorf("peer %+v", peer)
	}
}

// Package region holds the rules by which a simulated TiKV region changes: what each of PD's
// commands does to peers, roles, leader, key range and epoch, and when it is refused.
//
// Everything here is pure: a command, a region and a view of the stores go in, a Change or a
// Refusal comes out. Nothing is modified in place.
package region

import (
	"slices"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
)

// Epoch orders the versions of one region. ConfVer counts peer changes, Version counts changes
// of the key range.
type Epoch struct {
	ConfVer uint64 `json:"conf_ver"`
	Version uint64 `json:"version"`
}

// EpochOf reads an epoch from PD's message. A missing one is zero, which no region ever has.
func EpochOf(epoch *metapb.RegionEpoch) Epoch {
	return Epoch{ConfVer: epoch.GetConfVer(), Version: epoch.GetVersion()}
}

// Never is the ReadyAt of a peer whose snapshot cannot arrive because its store is down.
var Never = time.Unix(1<<40, 0)

// Peer is one replica. It is pending, and cannot lead, until ReadyAt.
type Peer struct {
	ID      uint64
	Store   uint64
	Role    metapb.PeerRole
	Witness bool
	ReadyAt time.Time
}

// Meta gives the peer as PD's protocol spells it.
func (p Peer) Meta() *metapb.Peer {
	return &metapb.Peer{Id: p.ID, StoreId: p.Store, Role: p.Role, IsWitness: p.Witness}
}

// PendingAt says whether the leader still waits for this peer's snapshot.
func (p Peer) PendingAt(now time.Time) bool { return p.ReadyAt.After(now) }

func (p Peer) votesBefore() bool {
	return p.Role == metapb.PeerRole_Voter || p.Role == metapb.PeerRole_DemotingVoter
}

func (p Peer) votesAfter() bool {
	return p.Role == metapb.PeerRole_Voter || p.Role == metapb.PeerRole_IncomingVoter
}

// Region is one Raft group. Leader is a peer id, 0 while there is none. An empty End reaches to
// the end of the key space. Keys are in PD's (memcomparable) encoding.
type Region struct {
	ID     uint64
	Start  []byte
	End    []byte
	Epoch  Epoch
	Peers  []Peer
	Leader uint64
	Term   uint64
	SizeMB uint64
	Keys   uint64
}

// Meta gives the region as PD's protocol spells it.
func (r Region) Meta() *metapb.Region {
	peers := make([]*metapb.Peer, len(r.Peers))
	for i, peer := range r.Peers {
		peers[i] = peer.Meta()
	}
	return &metapb.Region{
		Id:          r.ID,
		StartKey:    r.Start,
		EndKey:      r.End,
		RegionEpoch: &metapb.RegionEpoch{ConfVer: r.Epoch.ConfVer, Version: r.Epoch.Version},
		Peers:       peers,
	}
}

// PeerOn gives the peer on a store.
func (r Region) PeerOn(store uint64) (Peer, bool) {
	return r.find(func(p Peer) bool { return p.Store == store })
}

// PeerByID gives the peer with an id.
func (r Region) PeerByID(id uint64) (Peer, bool) {
	return r.find(func(p Peer) bool { return p.ID == id })
}

// LeaderPeer gives the leader, and false while there is none.
func (r Region) LeaderPeer() (Peer, bool) { return r.PeerByID(r.Leader) }

// LeaderStore gives the store of the leader, 0 while there is none.
func (r Region) LeaderStore() uint64 {
	leader, _ := r.LeaderPeer()
	return leader.Store
}

// InJoint says whether the region is between two configurations.
func (r Region) InJoint() bool {
	return slices.ContainsFunc(r.Peers, func(p Peer) bool {
		return p.Role == metapb.PeerRole_IncomingVoter || p.Role == metapb.PeerRole_DemotingVoter
	})
}

func (r Region) find(match func(Peer) bool) (Peer, bool) {
	for _, peer := range r.Peers {
		if match(peer) {
			return peer, true
		}
	}
	return Peer{}, false
}

func (r Region) clone() Region {
	r.Peers = slices.Clone(r.Peers)
	return r
}

// View is what a region can know about the world when it decides.
type View struct {
	Now           time.Time
	SnapshotDelay time.Duration
	Alive         func(store uint64) bool
	// Load orders equally good candidates for leadership: the smallest wins. nil keeps the order.
	Load func(store uint64) int
}

// Quorum says whether the live stores can commit, in both configurations while in joint state.
func (r Region) Quorum(alive func(store uint64) bool) bool {
	return majority(r.Peers, Peer.votesBefore, alive) && majority(r.Peers, Peer.votesAfter, alive)
}

func majority(peers []Peer, votes func(Peer) bool, alive func(store uint64) bool) bool {
	total, healthy := 0, 0
	for _, peer := range peers {
		if !votes(peer) {
			continue
		}
		total++
		if alive(peer.Store) {
			healthy++
		}
	}
	return total > 0 && healthy > total/2
}

// Kind names an effect on the topology, as the effect log spells it.
type Kind string

// The kinds of effect.
const (
	AddPeer        Kind = "add_peer"
	Promote        Kind = "promote"
	Demote         Kind = "demote"
	RemovePeer     Kind = "remove_peer"
	EnterJoint     Kind = "enter_joint"
	LeaveJoint     Kind = "leave_joint"
	TransferLeader Kind = "transfer_leader"
	Merge          Kind = "merge"
	Split          Kind = "split"
	SwitchWitness  Kind = "switch_witness"
	Election       Kind = "election"
)

// Refusal says why a command changed nothing. The empty one means it was carried out.
type Refusal string

// The refusals. StaleEpoch and AlreadyDone are how a repeated command ends.
const (
	Accepted       Refusal = ""
	StaleEpoch     Refusal = "stale_epoch"
	AlreadyDone    Refusal = "already_done"
	IsLeader       Refusal = "peer_is_leader"
	NoQuorum       Refusal = "no_quorum"
	InJointState   Refusal = "in_joint_state"
	PeerConflict   Refusal = "store_has_another_peer"
	NoSuchPeer     Refusal = "no_such_peer"
	NoCandidate    Refusal = "no_healthy_candidate"
	NotAdjacent    Refusal = "not_adjacent"
	PeersDiffer    Refusal = "peers_on_different_stores"
	UselessKeys    Refusal = "no_key_inside_the_region"
	Unsupported    Refusal = "unsupported_change"
	TargetNotFound Refusal = "merge_target_not_found"
)

// Change is one carried-out command. From and To are stores, 0 where there is none.
type Change struct {
	Kind   Kind
	Before Epoch
	Next   Region
	From   uint64
	To     uint64
	Peer   uint64
	// Stores that took part in a joint change, with their new roles.
	Roles map[uint64]string
	// Created are the new regions of a split.
	Created []Region
	// Gone is the source of a merge.
	Gone uint64
}

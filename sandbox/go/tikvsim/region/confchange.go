package region

import (
	"slices"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

// ChangePeers carries out change_peer and change_peer_v2. No change leaves the joint state, one
// is a simple change, several enter the joint state. Like TiKV it compares conf_ver only: a split
// in between does not make a peer change stale.
func (r Region) ChangePeers(asked Epoch, changes []*pdpb.ChangePeer, view View) (Change, Refusal) {
	if asked.ConfVer != r.Epoch.ConfVer {
		return Change{}, StaleEpoch
	}
	if !r.Quorum(view.Alive) {
		return Change{}, NoQuorum
	}
	change, refusal := r.nextPeers(changes, view)
	if refusal != Accepted {
		return Change{}, refusal
	}
	if !change.Next.Quorum(view.Alive) {
		return Change{}, NoQuorum
	}
	change.Before = r.Epoch
	return change, Accepted
}

func (r Region) nextPeers(changes []*pdpb.ChangePeer, view View) (Change, Refusal) {
	if len(changes) == 0 {
		return r.leaveJoint()
	}
	if len(changes) > 1 {
		return r.enterJoint(changes)
	}
	if r.InJoint() {
		return Change{}, InJointState
	}
	peer := changes[0].GetPeer()
	switch changes[0].GetChangeType() {
	case eraftpb.ConfChangeType_AddNode:
		return r.addPeer(peer, metapb.PeerRole_Voter, view)
	case eraftpb.ConfChangeType_AddLearnerNode:
		return r.addPeer(peer, metapb.PeerRole_Learner, view)
	case eraftpb.ConfChangeType_RemoveNode:
		return r.removePeer(peer)
	}
	return Change{}, Unsupported
}

// addPeer adds a peer or, where PD's peer is there already, gives it the role.
func (r Region) addPeer(peer *metapb.Peer, role metapb.PeerRole, view View) (Change, Refusal) {
	next := r.clone()
	next.Epoch.ConfVer++
	store := peer.GetStoreId()
	existing, found := r.PeerOn(store)
	if !found {
		if peer.GetId() == 0 || store == 0 {
			return Change{}, NoSuchPeer
		}
		next.Peers = append(next.Peers, Peer{
			ID: peer.GetId(), Store: store, Role: role, Witness: peer.GetIsWitness(),
			ReadyAt: view.snapshotArrives(store),
		})
		return Change{Kind: AddPeer, Next: next, To: store, Peer: peer.GetId()}, Accepted
	}
	switch {
	case existing.ID != peer.GetId():
		return Change{}, PeerConflict
	case existing.Role == role:
		return Change{}, AlreadyDone
	case role == metapb.PeerRole_Learner && existing.ID == r.Leader:
		return Change{}, IsLeader
	}
	next.setRole(existing.ID, role)
	if role == metapb.PeerRole_Learner {
		return Change{Kind: Demote, Next: next, From: store, Peer: existing.ID}, Accepted
	}
	return Change{Kind: Promote, Next: next, To: store, Peer: existing.ID}, Accepted
}

func (v View) snapshotArrives(store uint64) time.Time {
	if !v.Alive(store) {
		return Never
	}
	return v.Now.Add(v.SnapshotDelay)
}

func (r Region) removePeer(peer *metapb.Peer) (Change, Refusal) {
	existing, found := r.PeerOn(peer.GetStoreId())
	switch {
	case !found || existing.ID != peer.GetId():
		return Change{}, AlreadyDone
	case existing.ID == r.Leader:
		return Change{}, IsLeader
	}
	next := r.clone()
	next.Epoch.ConfVer++
	next.Peers = slices.DeleteFunc(next.Peers, func(p Peer) bool { return p.ID == existing.ID })
	return Change{Kind: RemovePeer, Next: next, From: existing.Store, Peer: existing.ID}, Accepted
}

// enterJoint promotes learners and demotes voters at once: conf_ver + number of changes.
func (r Region) enterJoint(changes []*pdpb.ChangePeer) (Change, Refusal) {
	if r.InJoint() {
		if r.jointHolds(changes) {
			return Change{}, AlreadyDone
		}
		return Change{}, InJointState
	}
	next := r.clone()
	roles := make(map[uint64]string, len(changes))
	for _, change := range changes {
		existing, found := r.PeerByID(change.GetPeer().GetId())
		if !found || existing.Store != change.GetPeer().GetStoreId() {
			return Change{}, NoSuchPeer
		}
		role, refusal := jointRole(existing.Role, change.GetChangeType())
		if refusal != Accepted {
			return Change{}, refusal
		}
		if _, twice := roles[existing.Store]; twice {
			// TiKV: "multiple commands for the same peer" (raftstore store/util.rs).
			return Change{}, Unsupported
		}
		next.setRole(existing.ID, role)
		roles[existing.Store] = role.String()
	}
	next.Epoch.ConfVer += uint64(len(changes))
	return Change{Kind: EnterJoint, Next: next, Roles: roles}, Accepted
}

func jointRole(now metapb.PeerRole, kind eraftpb.ConfChangeType) (metapb.PeerRole, Refusal) {
	switch {
	case kind == eraftpb.ConfChangeType_AddNode && now == metapb.PeerRole_Learner:
		return metapb.PeerRole_IncomingVoter, Accepted
	case kind == eraftpb.ConfChangeType_AddLearnerNode && now == metapb.PeerRole_Voter:
		return metapb.PeerRole_DemotingVoter, Accepted
	case kind == eraftpb.ConfChangeType_RemoveNode:
		// TiKV refuses to remove a voter straight away; PD demotes first and removes after.
		return now, Unsupported
	}
	return now, AlreadyDone
}

func (r Region) jointHolds(changes []*pdpb.ChangePeer) bool {
	for _, change := range changes {
		existing, found := r.PeerByID(change.GetPeer().GetId())
		wanted := metapb.PeerRole_IncomingVoter
		if change.GetChangeType() == eraftpb.ConfChangeType_AddLearnerNode {
			wanted = metapb.PeerRole_DemotingVoter
		}
		if !found || existing.Role != wanted {
			return false
		}
	}
	return true
}

// leaveJoint settles the roles: conf_ver + number of peers that were in between.
func (r Region) leaveJoint() (Change, Refusal) {
	if !r.InJoint() {
		return Change{}, AlreadyDone
	}
	if leader, ok := r.LeaderPeer(); ok && leader.Role == metapb.PeerRole_DemotingVoter {
		return Change{}, IsLeader
	}
	next := r.clone()
	roles := make(map[uint64]string)
	for i, peer := range next.Peers {
		switch peer.Role {
		case metapb.PeerRole_IncomingVoter:
			next.Peers[i].Role = metapb.PeerRole_Voter
		case metapb.PeerRole_DemotingVoter:
			next.Peers[i].Role = metapb.PeerRole_Learner
		default:
			continue
		}
		roles[peer.Store] = next.Peers[i].Role.String()
		next.Epoch.ConfVer++
	}
	return Change{Kind: LeaveJoint, Next: next, Roles: roles}, Accepted
}

// SwitchWitnesses turns peers into witnesses or back: conf_ver + 1 for each that changes. A peer
// that becomes a full replica is pending until its snapshot arrives.
func (r Region) SwitchWitnesses(
	asked Epoch, switches []*pdpb.SwitchWitness, view View,
) (Change, Refusal) {
	if asked.ConfVer != r.Epoch.ConfVer {
		return Change{}, StaleEpoch
	}
	if r.InJoint() {
		return Change{}, InJointState
	}
	if !r.Quorum(view.Alive) {
		return Change{}, NoQuorum
	}
	next := r.clone()
	changed := Change{Kind: SwitchWitness, Before: r.Epoch, Roles: make(map[uint64]string)}
	for _, asked := range switches {
		at := slices.IndexFunc(next.Peers, func(p Peer) bool { return p.ID == asked.GetPeerId() })
		if at < 0 {
			return Change{}, NoSuchPeer
		}
		peer := &next.Peers[at]
		if peer.Witness == asked.GetIsWitness() {
			continue
		}
		if peer.ID == r.Leader {
			return Change{}, IsLeader
		}
		if _, twice := changed.Roles[peer.Store]; twice {
			return Change{}, Unsupported
		}
		peer.Witness = asked.GetIsWitness()
		changed.Roles[peer.Store] = "Witness"
		if !peer.Witness {
			peer.ReadyAt = view.snapshotArrives(peer.Store)
			changed.Roles[peer.Store] = "NonWitness"
		}
		next.Epoch.ConfVer++
	}
	if next.Epoch == r.Epoch {
		return Change{}, AlreadyDone
	}
	changed.Next = next
	return changed, Accepted
}

func (r *Region) setRole(id uint64, role metapb.PeerRole) {
	for i := range r.Peers {
		if r.Peers[i].ID == id {
			r.Peers[i].Role = role
		}
	}
}

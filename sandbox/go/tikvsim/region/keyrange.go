package region

import (
	"bytes"
	"slices"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

// Contains says whether a region can be cut at key: strictly inside its range.
func (r Region) Contains(key []byte) bool {
	return bytes.Compare(key, r.Start) > 0 && (len(r.End) == 0 || bytes.Compare(key, r.End) < 0)
}

// SplitKeys decides where split_region cuts: at the given keys that lie inside (USEKEY), in
// order and once each, or in the middle (SCAN, APPROXIMATE). asked.Version must be the region's.
func (r Region) SplitKeys(asked Epoch, command *pdpb.SplitRegion) ([][]byte, Refusal) {
	if asked.Version != r.Epoch.Version {
		return nil, StaleEpoch
	}
	if command.GetPolicy() != pdpb.CheckPolicy_USEKEY {
		middle := MiddleKey(r.Start, r.End)
		if !r.Contains(middle) {
			return nil, UselessKeys
		}
		return [][]byte{middle}, Accepted
	}
	keys := make([][]byte, 0, len(command.GetKeys()))
	for _, key := range command.GetKeys() {
		if r.Contains(key) {
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	keys = slices.CompactFunc(keys, bytes.Equal)
	if len(keys) == 0 {
		return nil, UselessKeys
	}
	return keys, Accepted
}

// SplitAt cuts the region. Like TiKV it keeps the rightmost part for the old id; ids name the new
// parts from the left, one for each key, with peer ids in the order of the region's peers. Every
// part gets version + number of new regions; the leader stays on its store.
func (r Region) SplitAt(asked Epoch, keys [][]byte, ids []*pdpb.SplitID) (Change, Refusal) {
	if asked.Version != r.Epoch.Version {
		return Change{}, StaleEpoch
	}
	if len(ids) != len(keys) || len(keys) == 0 {
		return Change{}, Unsupported
	}
	parts := uint64(len(keys) + 1)
	next := r.clone()
	next.Epoch.Version += uint64(len(keys))
	next.Start = keys[len(keys)-1]
	next.SizeMB, next.Keys = r.SizeMB/parts, r.Keys/parts
	created := make([]Region, len(keys))
	start := r.Start
	for i, key := range keys {
		part := next.clone()
		part.ID, part.Start, part.End = ids[i].GetNewRegionId(), start, key
		if len(ids[i].GetNewPeerIds()) != len(r.Peers) {
			return Change{}, PeersDiffer
		}
		for j := range part.Peers {
			part.Peers[j].ID = ids[i].GetNewPeerIds()[j]
			if r.Peers[j].ID == r.Leader {
				part.Leader = part.Peers[j].ID
			}
		}
		created[i] = part
		start = key
	}
	return Change{Kind: Split, Before: r.Epoch, Next: next, Created: created}, Accepted
}

// MergeInto carries out merge on the source: target takes over its range, with
// version max(both) + 1 and its own conf_ver. expected is the target as PD saw it.
func (r Region) MergeInto(
	asked Epoch, expected *metapb.Region, target Region, view View,
) (Change, Refusal) {
	switch {
	case asked != r.Epoch || EpochOf(expected.GetRegionEpoch()) != target.Epoch:
		return Change{}, StaleEpoch
	case r.InJoint() || target.InJoint():
		return Change{}, InJointState
	case !samePlaces(r.Peers, target.Peers):
		return Change{}, PeersDiffer
	case !r.Quorum(view.Alive) || !target.Quorum(view.Alive):
		return Change{}, NoQuorum
	}
	next := target.clone()
	switch {
	case len(r.End) > 0 && bytes.Equal(r.End, target.Start):
		next.Start = r.Start
	case len(target.End) > 0 && bytes.Equal(target.End, r.Start):
		next.End = r.End
	default:
		return Change{}, NotAdjacent
	}
	next.Epoch.Version = max(r.Epoch.Version, target.Epoch.Version) + 1
	next.SizeMB += r.SizeMB
	next.Keys += r.Keys
	return Change{Kind: Merge, Before: target.Epoch, Next: next, Gone: r.ID}, Accepted
}

func samePlaces(a, b []Peer) bool {
	if len(a) != len(b) {
		return false
	}
	roles := make(map[uint64]metapb.PeerRole, len(a))
	for _, peer := range a {
		roles[peer.Store] = peer.Role
	}
	for _, peer := range b {
		if role, found := roles[peer.Store]; !found || role != peer.Role {
			return false
		}
	}
	return true
}

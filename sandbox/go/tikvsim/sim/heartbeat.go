package sim

import (
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/region"
)

const (
	mib = 1 << 20
	gib = 1 << 30
	// A full store keeps 3 % free and less than the 8 GiB that PD always accepts
	// (PD: pkg/core/store.go IsLowSpace).
	fullPercent  = 3
	fullBytes    = 7 * gib
	slowScoreBad = 100
	slowScoreOK  = 1
	// leastCapacity keeps 3 % of a small store under those 8 GiB.
	leastCapacity = 200 * gib
)

// nextBeat gives the next region heartbeat of a store's stream, nil when nothing is queued.
func (w *World) nextBeat(storeID uint64, header *pdpb.RequestHeader, now time.Time) *pdpb.RegionHeartbeatRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.stores[storeID]
	for len(at.queue) > 0 {
		id := at.queue[0]
		at.queue = at.queue[1:]
		r := w.regions[id]
		if r == nil || r.queuedFor != storeID {
			continue
		}
		r.queuedFor = 0
		if r.LeaderStore() != storeID || !at.up || !r.Quorum(w.alive) {
			// Without a quorum the leader steps down: it has nothing to say.
			continue
		}
		w.beats++
		r.sent = true
		return w.regionBeat(r, header, now)
	}
	at.queue = nil
	return nil
}

func (w *World) regionBeat(r *tracked, header *pdpb.RequestHeader, now time.Time) *pdpb.RegionHeartbeatRequest {
	leader, _ := r.LeaderPeer()
	seconds := uint64(now.Sub(r.lastBeat) / time.Second)
	beat := &pdpb.RegionHeartbeatRequest{
		Header:          header,
		Region:          r.Meta(),
		Leader:          leader.Meta(),
		Term:            r.Term,
		ApproximateSize: max(1, r.SizeMB*mib),
		ApproximateKeys: r.Keys,
		BytesWritten:    r.flow.WriteBytes * seconds,
		KeysWritten:     r.flow.WriteKeys * seconds,
		BytesRead:       r.flow.ReadBytes * seconds,
		KeysRead:        r.flow.ReadKeys * seconds,
		Interval:        interval(r.lastBeat, now),
	}
	for _, peer := range r.Peers {
		if peer.PendingAt(now) {
			beat.PendingPeers = append(beat.PendingPeers, peer.Meta())
		}
		if at := w.stores[peer.Store]; at != nil && !at.up {
			down := now.Sub(at.stoppedAt).Seconds() * w.settings.DownSecondsFactor
			beat.DownPeers = append(beat.DownPeers, &pdpb.PeerStats{
				Peer: peer.Meta(), DownSeconds: uint64(down),
			})
		}
	}
	if seconds > 0 {
		r.lastBeat = now
	}
	return beat
}

func interval(start, end time.Time) *pdpb.TimeInterval {
	return &pdpb.TimeInterval{
		StartTimestamp: uint64(start.Unix()), EndTimestamp: uint64(end.Unix()),
	}
}

// storeBeat gives a store's own heartbeat.
func (w *World) storeBeat(storeID uint64, now time.Time) *pdpb.StoreStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.stores[storeID]
	capacity, available := w.space(at)
	stats := &pdpb.StoreStats{
		StoreId:     storeID,
		Capacity:    capacity,
		Available:   available,
		UsedSize:    at.sizeMB * mib,
		RegionCount: uint32(at.peers),
		StartTime:   uint32(at.startedAt.Unix()),
		SlowScore:   slowScoreOK,
		Interval:    interval(at.lastBeat, now),
	}
	if at.slow {
		stats.SlowScore = slowScoreBad
	}
	w.addFlows(stats, uint64(now.Sub(at.lastBeat)/time.Second))
	at.lastBeat = now
	return stats
}

func (w *World) space(at *store) (capacity, available uint64) {
	used := at.sizeMB * mib
	capacity = w.capacity
	if capacity == 0 {
		capacity = max(leastCapacity, used*3)
	}
	if at.full {
		return capacity, min(capacity*fullPercent/100, fullBytes)
	}
	return capacity, capacity - min(used, capacity)
}

// addFlows sums the flows of the store's regions: writes reach every peer, reads the leader.
func (w *World) addFlows(stats *pdpb.StoreStats, seconds uint64) {
	for id := range w.hot {
		r := w.regions[id]
		if _, here := r.PeerOn(stats.StoreId); here {
			stats.BytesWritten += r.flow.WriteBytes * seconds
			stats.KeysWritten += r.flow.WriteKeys * seconds
		}
		if r.LeaderStore() != stats.StoreId {
			continue
		}
		stats.BytesRead += r.flow.ReadBytes * seconds
		stats.KeysRead += r.flow.ReadKeys * seconds
		if r.flow.ReadBytes > 0 {
			stats.PeerStats = append(stats.PeerStats, &pdpb.PeerStat{
				RegionId:  id,
				ReadBytes: r.flow.ReadBytes * seconds,
				ReadKeys:  r.flow.ReadKeys * seconds,
			})
		}
	}
}

// adopted gives a region that PD already knows, with a leader where PD names none.
func adopted(known *pdpb.Region, sizeMB, keys, term uint64) region.Region {
	meta := known.GetRegion()
	r := region.Region{
		ID: meta.GetId(), Start: meta.GetStartKey(), End: meta.GetEndKey(),
		Epoch: region.EpochOf(meta.GetRegionEpoch()), Leader: known.GetLeader().GetId(),
		Term: term, SizeMB: sizeMB, Keys: keys,
	}
	for _, peer := range meta.GetPeers() {
		r.Peers = append(r.Peers, region.Peer{
			ID: peer.GetId(), Store: peer.GetStoreId(), Role: peer.GetRole(),
			Witness: peer.GetIsWitness(),
		})
		if r.Leader == 0 && peer.GetRole() == metapb.PeerRole_Voter {
			r.Leader = peer.GetId()
		}
	}
	return r
}

package sim

import (
	"slices"
	"time"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/region"
)

// Heat is the load that POST /stores/{id}/heat puts on leaders of a store.
type Heat struct {
	Off        bool   `json:"off"`
	Regions    int    `json:"regions"`
	WriteBytes uint64 `json:"write_bytes_per_second"`
	ReadBytes  uint64 `json:"read_bytes_per_second"`
}

const (
	heatRegions    = 10
	heatWriteBytes = 32 * mib
	heatReadBytes  = 64 * mib
	bytesPerKey    = 128
	// A hot region looks as if it had been hot for a minute, PD's own report interval for
	// writes; otherwise PD shows nothing hot for that long.
	hotSince = time.Minute
)

// stop silences a store: its leaders are elected elsewhere at once, where there is a quorum.
func (w *World) stop(id uint64, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.stores[id]
	if !at.up {
		return
	}
	at.up, at.stoppedAt = false, now
	for _, queued := range at.queue {
		if r := w.regions[queued]; r != nil && r.queuedFor == id {
			r.queuedFor = 0
		}
	}
	at.queue = nil
	w.electLeaders(now)
}

// start brings a store back. Regions that had lost their quorum elect again, and peers whose
// snapshot could not arrive now get it.
func (w *World) start(id uint64, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.stores[id]
	if at.up {
		return
	}
	at.up, at.startedAt, at.lastBeat = true, now, now
	w.electLeaders(now)
	arrives := w.view(now).SnapshotDelay
	for _, r := range w.regions {
		for i, peer := range r.Peers {
			if peer.Store != id {
				continue
			}
			if peer.ReadyAt == region.Never {
				next := r.Region
				next.Peers = slices.Clone(r.Peers)
				next.Peers[i].ReadyAt = now.Add(arrives)
				r.Region = next
				w.reportAfter(r.ID, arrives)
			}
			w.report(r.ID)
		}
	}
}

func (w *World) electLeaders(now time.Time) {
	view := w.view(now)
	for _, id := range w.sortedRegions() {
		r := w.regions[id]
		if w.alive(r.LeaderStore()) {
			continue
		}
		if change, refusal := r.Elect(view); refusal == region.Accepted {
			w.carryOut(change, effect.ByElection, now)
		} else {
			w.refuse("election", r.ID, refusal)
		}
	}
}

// sortedRegions makes what a fault does repeatable.
func (w *World) sortedRegions() []uint64 {
	ids := make([]uint64, 0, len(w.regions))
	for id := range w.regions {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// heat loads leaders of a store, or cools those it loaded before.
func (w *World) heat(id uint64, wanted Heat, now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	at := w.stores[id]
	for _, hot := range at.heated {
		w.setFlow(hot, Flow{})
	}
	at.heated = nil
	if wanted.Off {
		return 0
	}
	if wanted.Regions == 0 {
		wanted.Regions = heatRegions
	}
	if wanted.WriteBytes == 0 && wanted.ReadBytes == 0 {
		wanted.WriteBytes, wanted.ReadBytes = heatWriteBytes, heatReadBytes
	}
	for _, candidate := range w.sortedRegions() {
		r := w.regions[candidate]
		if len(at.heated) == wanted.Regions {
			break
		}
		if r.LeaderStore() != id {
			continue
		}
		at.heated = append(at.heated, candidate)
		w.setFlow(candidate, Flow{
			WriteBytes: wanted.WriteBytes, WriteKeys: wanted.WriteBytes / bytesPerKey,
			ReadBytes: wanted.ReadBytes, ReadKeys: wanted.ReadBytes / bytesPerKey,
		})
		r.lastBeat = now.Add(-hotSince)
	}
	return len(at.heated)
}

func (w *World) setFlow(id uint64, flow Flow) {
	r := w.regions[id]
	if r == nil {
		return
	}
	r.flow = flow
	delete(w.hot, id)
	if flow != (Flow{}) {
		w.hot[id] = struct{}{}
	}
	w.report(id)
}

// moveLeaders makes an imbalance without PD; it gives how many leaders moved.
func (w *World) moveLeaders(from, to uint64, count int, now time.Time) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	moved := 0
	for _, id := range w.sortedRegions() {
		r := w.regions[id]
		if moved == count {
			break
		}
		if r.LeaderStore() != from {
			continue
		}
		if change, refusal := r.MoveLeader(to, w.view(now)); refusal == region.Accepted {
			w.carryOut(change, effect.ByControl, now)
			moved++
		}
	}
	return moved
}

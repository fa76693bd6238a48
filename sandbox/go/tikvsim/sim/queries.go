package sim

import (
	"encoding/hex"
	"slices"
	"time"

	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/region"
)

// StoreState is a store as GET /stores shows it.
type StoreState struct {
	ID          uint64 `json:"id"`
	Address     string `json:"address"`
	State       string `json:"state"`
	Hung        bool   `json:"hung"`
	Slow        bool   `json:"slow"`
	Full        bool   `json:"full"`
	HotRegions  int    `json:"hot_regions"`
	LeaderCount int    `json:"leader_count"`
	PeerCount   int    `json:"peer_count"`
	SizeMB      uint64 `json:"size_mb"`
	DownSeconds uint64 `json:"down_seconds"`
}

// PeerState is a peer as GET /region/{id} shows it.
type PeerState struct {
	ID      uint64 `json:"id"`
	Store   uint64 `json:"store"`
	Role    string `json:"role"`
	Witness bool   `json:"witness"`
	Pending bool   `json:"pending"`
	Down    bool   `json:"down"`
}

// RegionState is a region as GET /region/{id} shows it. Keys are hexadecimal.
type RegionState struct {
	ID          uint64       `json:"id"`
	StartKey    string       `json:"start_key"`
	EndKey      string       `json:"end_key"`
	Epoch       region.Epoch `json:"epoch"`
	Peers       []PeerState  `json:"peers"`
	LeaderStore uint64       `json:"leader_store"`
	LeaderPeer  uint64       `json:"leader_peer"`
	Term        uint64       `json:"term"`
	SizeMB      uint64       `json:"size_mb"`
	Keys        uint64       `json:"keys"`
	Flow        Flow         `json:"flow"`
}

// Status is what GET /status shows.
type Status struct {
	Ready      bool              `json:"ready"`
	PDLeader   string            `json:"pd_leader"`
	Stores     int               `json:"stores"`
	Regions    int               `json:"regions"`
	Heartbeats uint64            `json:"region_heartbeats"`
	Effects    map[string]uint64 `json:"effects"`
	Refusals   map[string]uint64 `json:"refusals"`
	Settings   Settings          `json:"settings"`
	// Unfinished counts what stores have in hand: commands that wait for the delay to pass, and
	// splits that wait for ids.
	Unfinished int `json:"unfinished"`
}

func (w *World) status(ready bool) Status {
	w.mu.Lock()
	defer w.mu.Unlock()
	refusals := make(map[string]uint64, len(w.refusals))
	for why, count := range w.refusals {
		refusals[why] = count
	}
	return Status{
		Ready: ready, PDLeader: w.pdLeader(), Stores: len(w.stores), Regions: len(w.regions),
		Heartbeats: w.beats, Effects: w.effects.Counts(), Refusals: refusals,
		Settings: w.settings, Unfinished: w.unfinished(),
	}
}

func (w *World) storeStates(now time.Time) []StoreState {
	w.mu.Lock()
	defer w.mu.Unlock()
	states := make([]StoreState, 0, len(w.order))
	for _, id := range w.order {
		at := w.stores[id]
		state := StoreState{
			ID: id, Address: at.address, State: "up", Hung: at.hung, Slow: at.slow, Full: at.full,
			HotRegions: len(at.heated), LeaderCount: at.leaders, PeerCount: at.peers,
			SizeMB: at.sizeMB,
		}
		switch {
		case at.tombstone:
			state.State = "tombstone"
		case !at.up:
			state.State = "stopped"
			seconds := now.Sub(at.stoppedAt).Seconds() * w.settings.DownSecondsFactor
			state.DownSeconds = uint64(seconds)
		}
		states = append(states, state)
	}
	return states
}

// regionStates gives the first regions by id, after an id; limit 0 means all.
func (w *World) regionStates(after uint64, limit int, now time.Time) []RegionState {
	w.mu.Lock()
	defer w.mu.Unlock()
	ids := w.sortedRegions()
	at, found := slices.BinarySearch(ids, after)
	if found {
		at++
	}
	ids = ids[at:]
	if limit > 0 {
		ids = ids[:min(limit, len(ids))]
	}
	states := make([]RegionState, 0, len(ids))
	for _, id := range ids {
		states = append(states, w.regionState(w.regions[id], now))
	}
	return states
}

func (w *World) regionByID(id uint64, now time.Time) (RegionState, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.regions[id]
	if r == nil {
		return RegionState{}, false
	}
	return w.regionState(r, now), true
}

func (w *World) regionState(r *tracked, now time.Time) RegionState {
	state := RegionState{
		ID: r.ID, StartKey: hex.EncodeToString(r.Start), EndKey: hex.EncodeToString(r.End),
		Epoch: r.Epoch, LeaderStore: r.LeaderStore(), LeaderPeer: r.Leader, Term: r.Term,
		SizeMB: r.SizeMB, Keys: r.Keys, Flow: r.flow,
	}
	for _, peer := range r.Peers {
		state.Peers = append(state.Peers, PeerState{
			ID: peer.ID, Store: peer.Store, Role: peer.Role.String(), Witness: peer.Witness,
			Pending: peer.PendingAt(now), Down: !w.alive(peer.Store),
		})
	}
	return state
}

func (w *World) storeIDs() []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.order)
}

func (w *World) hasStore(id uint64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stores[id] != nil
}

func (w *World) wakeOf(id uint64) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stores[id].wake
}

// expected gives the epochs that PD should know by now, and false while a region that can speak
// was not sent yet.
func (w *World) expected() (map[uint64]region.Epoch, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	epochs := make(map[uint64]region.Epoch, len(w.regions))
	for id, r := range w.regions {
		if !r.sent && w.alive(r.LeaderStore()) {
			return nil, false
		}
		epochs[id] = r.Epoch
	}
	return epochs, true
}

// complain counts an error that PD answered on a stream.
func (w *World) complain(failure *pdpb.Error) {
	w.mu.Lock()
	w.refusals["heartbeat/"+failure.GetType().String()]++
	w.mu.Unlock()
	w.log.Info("PD did not take a region heartbeat", "why", failure.GetMessage())
}

// bury ends a store that PD made a tombstone.
func (w *World) bury(id uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stores[id].tombstone = true
}

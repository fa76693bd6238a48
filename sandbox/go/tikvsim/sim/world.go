// Package sim plays TiKV stores: it keeps their regions, tells PD about them, carries out what PD
// schedules and breaks on order.
package sim

import (
	"log/slog"
	"slices"
	"sync"
	"time"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/region"
)

// Settings can be changed while the stores run.
type Settings struct {
	// SnapshotDelayMS is how long a new peer stays pending.
	SnapshotDelayMS int64 `json:"snapshot_delay_ms"`
	// CommandDelayMS is how long a store waits before it carries out a command.
	CommandDelayMS int64 `json:"command_delay_ms"`
	// DownSecondsFactor makes down_seconds grow faster than the clock.
	DownSecondsFactor float64 `json:"down_seconds_factor"`
	// TransferRefuse are regions that silently ignore transfer_leader.
	TransferRefuse []uint64 `json:"transfer_refuse"`
	// JointRefuse are regions that silently stay in the joint state once they are in it.
	JointRefuse []uint64 `json:"joint_refuse"`
}

// Flow is the load on one region's leader.
type Flow struct {
	WriteBytes uint64 `json:"write_bytes_per_second"`
	WriteKeys  uint64 `json:"write_keys_per_second"`
	ReadBytes  uint64 `json:"read_bytes_per_second"`
	ReadKeys   uint64 `json:"read_keys_per_second"`
}

// tracked is a region with what only the simulation knows about it.
type tracked struct {
	region.Region
	flow      Flow
	queuedFor uint64
	lastBeat  time.Time
	splitting bool
	sent      bool
}

// store is one simulated TiKV. Its counters follow every change of a region.
type store struct {
	id        uint64
	address   string
	up        bool
	tombstone bool
	hung      bool
	slow      bool
	full      bool
	heated    []uint64
	startedAt time.Time
	stoppedAt time.Time
	lastBeat  time.Time
	leaders   int
	peers     int
	sizeMB    uint64
	queue     []uint64
	wake      chan struct{}
}

const (
	tick = 100 * time.Millisecond
	// downStride is how often, in ticks, a region with a dead peer is reported.
	downStride = 100
)

// World is the state of all stores and regions. One lock guards it; nothing waits while holding it.
type World struct {
	effects  *effect.Log
	log      *slog.Logger
	pdLeader func() string
	fatal    func(error)
	capacity uint64

	mu       sync.Mutex
	settings Settings
	regions  map[uint64]*tracked
	stores   map[uint64]*store
	order    []uint64
	// slots spread the periodic heartbeats over the interval, one slot a tick.
	slots    [][]uint64
	nextSlot int
	hot      map[uint64]struct{}
	refusals map[string]uint64
	received receivedLog
	delayed  delayedCommands
	beats    uint64
}

// NewWorld gives an empty world. beatEvery is the region heartbeat interval, capacity the bytes of
// each store (0: enough for its regions). fatal is called when an effect cannot be written.
func NewWorld(
	effects *effect.Log, log *slog.Logger, beatEvery time.Duration, capacity uint64,
	pdLeader func() string, fatal func(error),
) *World {
	return &World{
		effects: effects, log: log, pdLeader: pdLeader, fatal: fatal, capacity: capacity,
		settings: Settings{DownSecondsFactor: 1},
		regions:  make(map[uint64]*tracked),
		stores:   make(map[uint64]*store),
		slots:    make([][]uint64, max(1, int(beatEvery/tick))),
		hot:      make(map[uint64]struct{}),
		refusals: make(map[string]uint64),
	}
}

// AddStore makes a store known, running and empty.
func (w *World) AddStore(id uint64, address string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stores[id] = &store{
		id: id, address: address, up: true, startedAt: now, lastBeat: now,
		wake: make(chan struct{}, 1),
	}
	w.order = append(w.order, id)
	slices.Sort(w.order)
}

// AddRegion makes a region known. Its first heartbeat leaves with its store's stream.
func (w *World) AddRegion(added region.Region, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.insert(added, now)
}

func (w *World) insert(added region.Region, now time.Time) {
	w.regions[added.ID] = &tracked{Region: added, lastBeat: now}
	w.count(added, 1)
	slot := len(w.regions) % len(w.slots)
	w.slots[slot] = append(w.slots[slot], added.ID)
}

func (w *World) count(r region.Region, sign int) {
	for _, peer := range r.Peers {
		if at := w.stores[peer.Store]; at != nil {
			at.peers += sign
			at.sizeMB += uint64(sign) * r.SizeMB
		}
	}
	if at := w.stores[r.LeaderStore()]; at != nil {
		at.leaders += sign
	}
}

func (w *World) put(r *tracked, next region.Region) {
	w.count(r.Region, -1)
	r.Region = next
	w.count(next, 1)
}

// remove forgets a region; its slot drops it when it is next visited.
func (w *World) remove(id uint64) {
	if gone := w.regions[id]; gone != nil {
		w.count(gone.Region, -1)
		delete(w.regions, id)
		delete(w.hot, id)
	}
}

func (w *World) alive(id uint64) bool {
	at := w.stores[id]
	return at != nil && at.up
}

func (w *World) view(now time.Time) region.View {
	return region.View{
		Now:           now,
		SnapshotDelay: time.Duration(w.settings.SnapshotDelayMS) * time.Millisecond,
		Alive:         w.alive,
		Load:          func(id uint64) int { return w.stores[id].leaders },
	}
}

// carryOut makes a change true, writes it down and tells PD. The lock is held.
func (w *World) carryOut(change region.Change, cause effect.Cause, now time.Time) {
	r := w.regions[change.Next.ID]
	w.put(r, change.Next)
	for _, created := range change.Created {
		w.insert(created, now)
		w.report(created.ID)
	}
	if change.Gone != 0 {
		w.remove(change.Gone)
	}
	line := effect.From(change, cause, now, w.pdLeader())
	if err := w.effects.Append(line); err != nil {
		w.fatal(err)
	}
	w.report(change.Next.ID)
	for _, peer := range change.Next.Peers {
		if peer.PendingAt(now) && peer.ReadyAt != region.Never {
			w.reportAfter(change.Next.ID, peer.ReadyAt.Sub(now))
		}
	}
}

// reportAfter tells PD about a region once more, when a peer's snapshot has arrived.
func (w *World) reportAfter(id uint64, delay time.Duration) {
	time.AfterFunc(delay+time.Millisecond, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.report(id)
	})
}

// report queues a heartbeat of a region on its leader's stream. Several reports that were not
// sent yet are one: the message is made when it is sent.
func (w *World) report(id uint64) {
	r := w.regions[id]
	if r == nil {
		return
	}
	at := w.stores[r.LeaderStore()]
	if at == nil || !at.up || r.queuedFor == at.id {
		return
	}
	r.queuedFor = at.id
	at.queue = append(at.queue, id)
	select {
	case at.wake <- struct{}{}:
	default:
	}
}

// reportAll queues every region that a store leads, as TiKV does after it reconnects to PD.
func (w *World) reportAll(storeID uint64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, r := range w.regions {
		if r.LeaderStore() == storeID {
			w.report(id)
		}
	}
}

// Tick queues the periodic heartbeats of this moment.
func (w *World) Tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	slot := w.nextSlot
	w.nextSlot = (slot + 1) % len(w.slots)
	w.slots[slot] = slices.DeleteFunc(w.slots[slot], func(id uint64) bool {
		return w.regions[id] == nil
	})
	for _, id := range w.slots[slot] {
		w.report(id)
	}
	if !w.anyDown() {
		return
	}
	for other := slot + downStride; other < slot+len(w.slots); other += downStride {
		for _, id := range w.slots[other%len(w.slots)] {
			if r := w.regions[id]; r != nil && w.hasDownPeer(r.Region) {
				w.report(id)
			}
		}
	}
}

func (w *World) anyDown() bool {
	for _, at := range w.stores {
		if !at.up {
			return true
		}
	}
	return false
}

func (w *World) hasDownPeer(r region.Region) bool {
	return slices.ContainsFunc(r.Peers, func(p region.Peer) bool { return !w.alive(p.Store) })
}

// SetSnapshotDelay sets how long new peers stay pending.
func (w *World) SetSnapshotDelay(delay time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settings.SnapshotDelayMS = delay.Milliseconds()
}

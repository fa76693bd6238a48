package sim

import (
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/region"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// bed is a world of 4 stores without PD, and its effect log.
type bed struct {
	*World
	t    *testing.T
	path string
}

func newBed(t *testing.T, regions int) *bed {
	t.Helper()
	b := &bed{t: t, path: filepath.Join(t.TempDir(), "effects.jsonl")}
	effects, err := effect.Open(b.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = effects.Close() })
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	b.World = NewWorld(effects, log, time.Minute, 0,
		func() string { return "http://pd-1" }, func(err error) { t.Error(err) })
	layout := Layout{Stores: 4, Regions: regions, Replicas: 3, SizeMB: 96, Keys: 1000}
	stores := []uint64{1, 2, 3, 4}
	for _, id := range stores {
		b.AddStore(id, "", noon)
	}
	ids := make([]uint64, layout.idCount())
	for i := range ids {
		ids[i] = uint64(100 + i)
	}
	for _, r := range layout.build(stores, ids, 10) {
		b.AddRegion(r, noon)
	}
	return b
}

func (b *bed) effects() []effect.Line {
	b.t.Helper()
	content, err := os.ReadFile(b.path)
	if err != nil {
		b.t.Fatal(err)
	}
	var lines []effect.Line
	for _, text := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		var line effect.Line
		if text == "" {
			continue
		}
		if err := json.Unmarshal([]byte(text), &line); err != nil {
			b.t.Fatal(err)
		}
		lines = append(lines, line)
	}
	return lines
}

// beats takes all heartbeats that wait on a store's stream.
func (b *bed) beats(store uint64, now time.Time) map[uint64]*pdpb.RegionHeartbeatRequest {
	all := make(map[uint64]*pdpb.RegionHeartbeatRequest)
	for {
		beat := b.nextBeat(store, nil, now)
		if beat == nil {
			return all
		}
		all[beat.GetRegion().GetId()] = beat
	}
}

// ledBy gives a region that a store leads.
func (b *bed) ledBy(store uint64) *tracked {
	for _, id := range b.sortedRegions() {
		if r := b.regions[id]; r.LeaderStore() == store {
			return r
		}
	}
	b.t.Fatalf("store %d leads nothing", store)
	return nil
}

func command(r *tracked) *pdpb.RegionHeartbeatResponse {
	meta := r.Meta()
	return &pdpb.RegionHeartbeatResponse{RegionId: r.ID, RegionEpoch: meta.RegionEpoch}
}

func addLearner(r *tracked, id, store uint64) *pdpb.RegionHeartbeatResponse {
	order := command(r)
	order.ChangePeerV2 = &pdpb.ChangePeerV2{Changes: []*pdpb.ChangePeer{{
		ChangeType: eraftpb.ConfChangeType_AddLearnerNode,
		Peer:       &metapb.Peer{Id: id, StoreId: store},
	}}}
	return order
}

func outsider(r *tracked) uint64 {
	for id := uint64(1); id <= 4; id++ {
		if _, here := r.PeerOn(id); !here {
			return id
		}
	}
	return 0
}

// Replicas and leaders are spread evenly, ranges have no gap, and the default keyspace is cut.
func TestLayoutIsEvenAndWhole(t *testing.T) {
	b := newBed(t, 40)
	for _, state := range b.storeStates(noon) {
		if state.LeaderCount != 10 || state.PeerCount != 30 {
			t.Errorf("%+v", state)
		}
	}
	var previous *tracked
	for _, id := range b.sortedRegions() {
		r := b.regions[id]
		if previous != nil && string(previous.End) != string(r.Start) {
			t.Errorf("a gap before region %d", id)
		}
		previous = r
	}
	if len(previous.End) != 0 {
		t.Error("the last region has an end")
	}
	raw, txn := region.KeyspaceBorders()
	for _, border := range append(raw[:], txn[:]...) {
		for _, r := range b.regions {
			if r.Contains(border) {
				t.Errorf("PD would cut region %d at %x", r.ID, border)
			}
		}
	}
}

// PD repeats a command every few seconds: it has one effect, and no further heartbeat that would
// make PD answer with the same command at once.
func TestARepeatedCommandHasOneEffect(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	order := addLearner(r, 9001, outsider(r))
	for range 3 {
		b.execute(1, order, noon)
	}
	if lines := b.effects(); len(lines) != 1 || lines[0].Kind != region.AddPeer ||
		lines[0].Cause != effect.ByPD || lines[0].PDLeader != "http://pd-1" {
		t.Errorf("%+v", lines)
	}
	if got := b.beats(1, noon); len(got) != 1 || got[r.ID] == nil {
		t.Errorf("%d heartbeats", len(got))
	}
	if b.status(true).Refusals["change_peer_v2/stale_epoch"] != 2 {
		t.Errorf("%v", b.status(true).Refusals)
	}
}

// Only the leader's store obeys, and only while it is up, not hung, and knows the region.
func TestWhoDoesNotObey(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	order := addLearner(r, 9001, outsider(r))
	b.execute(2, order, noon)
	b.flag(1, "hang", true)
	b.execute(1, order, noon)
	b.flag(1, "hang", false)
	gone := addLearner(r, 9001, outsider(r))
	gone.RegionId = 99999
	b.execute(1, gone, noon)
	b.execute(1, command(r), noon)
	refused := command(r)
	refused.TransferLeader = &pdpb.TransferLeader{Peer: &metapb.Peer{Id: r.Peers[1].ID}}
	b.settings.TransferRefuse = []uint64{r.ID}
	b.execute(1, refused, noon)
	b.stop(1, noon)
	b.execute(1, order, noon)
	for _, line := range b.effects() {
		if line.Cause == effect.ByPD {
			t.Errorf("%+v", line)
		}
	}
	got := b.status(true).Refusals
	for _, want := range []string{
		"change_peer_v2/not_leader", "change_peer_v2/store_hung", "change_peer_v2/no_such_region",
		"/unsupported_change", "transfer_leader/refused_on_order", "change_peer_v2/store_stopped",
	} {
		if got[want] != 1 {
			t.Errorf("%s: %v", want, got)
		}
	}
}

// A new peer is in pending_peers until its snapshot arrives; the arrival is told at once.
func TestPendingUntilTheSnapshotArrives(t *testing.T) {
	b := newBed(t, 40)
	b.settings.SnapshotDelayMS = 20
	r := b.ledBy(1)
	now := time.Now()
	b.execute(1, addLearner(r, 9001, outsider(r)), now)
	if beat := b.beats(1, now)[r.ID]; len(beat.GetPendingPeers()) != 1 ||
		beat.GetPendingPeers()[0].GetId() != 9001 {
		t.Errorf("%v", beat)
	}
	select {
	case <-b.wakeOf(1):
	default:
	}
	select {
	case <-b.wakeOf(1):
	case <-time.After(5 * time.Second):
		t.Fatal("nobody told PD that the snapshot arrived")
	}
	if beat := b.beats(1, time.Now())[r.ID]; len(beat.GetPendingPeers()) != 0 {
		t.Errorf("%v", beat)
	}
}

// Two parts heartbeat after a split, a second command while ids are asked for does nothing, and
// without ids the region stays whole.
func TestSplit(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(2)
	order := command(r)
	order.SplitRegion = &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_SCAN}
	ask := b.execute(2, order, noon)
	if ask == nil || b.execute(2, order, noon) != nil {
		t.Fatal("the first command asks for ids, the second must not")
	}
	b.completeSplit(ask, nil, noon)
	if len(b.regions) != 40 {
		t.Fatalf("%d regions without ids", len(b.regions))
	}
	ask = b.execute(2, order, noon)
	parts := b.completeSplit(ask, []*pdpb.SplitID{{NewRegionId: 8000, NewPeerIds: []uint64{1, 2, 3}}}, noon)
	if len(parts) != 2 || len(b.regions) != 41 {
		t.Fatalf("%d parts, %d regions", len(parts), len(b.regions))
	}
	if beats := b.beats(2, noon); beats[8000] == nil || beats[r.ID] == nil {
		t.Errorf("%v", beats)
	}
	if b.execute(2, order, noon) != nil {
		t.Error("a repeated split cuts again")
	}
	if line := b.effects()[0]; line.Kind != region.Split || line.NewRegions[0] != 8000 {
		t.Errorf("%+v", line)
	}
}

// The source disappears with its counters; a repeat finds nobody.
func TestMerge(t *testing.T) {
	b := newBed(t, 40)
	ids := b.sortedRegions()
	source, target := b.regions[ids[0]], b.regions[ids[1]]
	next := target.Region
	next.Peers = nil
	for i, peer := range source.Peers {
		peer.ID = uint64(7000 + i)
		next.Peers = append(next.Peers, peer)
	}
	next.Leader = 7001
	b.put(target, next)
	order := command(source)
	order.Merge = &pdpb.Merge{Target: target.Meta()}
	store := source.LeaderStore()
	b.execute(store, order, noon)
	b.execute(store, order, noon)
	if lines := b.effects(); len(lines) != 1 || lines[0].Source != source.ID {
		t.Errorf("%+v", lines)
	}
	leaders := 0
	for _, state := range b.storeStates(noon) {
		leaders += state.LeaderCount
	}
	if leaders != 39 || len(b.regions) != 39 {
		t.Errorf("%d leaders of %d regions", leaders, len(b.regions))
	}
}

package sim

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/region"
)

// The conversation with PD: joining, heartbeats, commands, splits, burials. The other side is a
// fake; that the real one agrees is what livetest shows.

var small = Layout{Stores: 3, Regions: 8, Replicas: 3, SizeMB: 96, Keys: 1000}

func start(t *testing.T, pd *fakePD, layout Layout) *troupe {
	t.Helper()
	on, err := perform(t, pd, layout)
	if err != nil {
		t.Fatal(err)
	}
	return on
}

// A fresh PD is bootstrapped, gets every store with its labels, and knows every region from its
// leader before the stores say that they are ready.
func TestAFreshPDKnowsEverythingBeforeReady(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if !pd.bootstrapped || len(pd.stores) != 3 || len(pd.regions) != 8 {
		t.Fatalf("bootstrapped %t, %d stores, %d regions", pd.bootstrapped, len(pd.stores), len(pd.regions))
	}
	for id, known := range pd.regions {
		if known.GetLeader().GetId() == 0 || len(known.GetRegion().GetPeers()) != 3 {
			t.Errorf("region %d: %v", id, known)
		}
		if now := uint64(time.Now().Unix()); pd.terms[id] < now-60 {
			t.Errorf("region %d has term %d: an earlier run on this PD may have had a higher one", id, pd.terms[id])
		}
	}
	for id, store := range pd.stores {
		if store.GetVersion() != "8.1.0" || len(store.GetLabels()) != 1 ||
			!strings.HasPrefix(store.GetAddress(), "tikv-") || store.GetStartTimestamp() == 0 {
			t.Errorf("store %d: %v", id, store)
		}
	}
	if !on.status().Ready {
		t.Error("the status does not say ready")
	}
}

// Ids come in one call for all regions; one by one they would take minutes for 100,000.
func TestIDsComeInBulkAndNoneTwice(t *testing.T) {
	pd := newFakePD(t)
	start(t, pd, Layout{Stores: 3, Regions: 50, Replicas: 3})
	if got := pd.count("AllocID"); got != 5 {
		t.Errorf("%d ids one by one: 3 stores, a region and a peer", got)
	}
	if got := pd.count("AskBatchSplit"); got != 1 {
		t.Errorf("%d calls in bulk", got)
	}
	seen := make(map[uint64]bool)
	pd.mu.Lock()
	defer pd.mu.Unlock()
	for id := range pd.stores {
		seen[id] = true
	}
	for id, known := range pd.regions {
		ids := []uint64{id}
		for _, peer := range known.GetRegion().GetPeers() {
			ids = append(ids, peer.GetId())
		}
		for _, one := range ids {
			if seen[one] || one == 0 || one > pd.lastID {
				t.Errorf("id %d is used twice, or PD never gave it", one)
			}
			seen[one] = true
		}
	}
}

// PD refuses ids for a split while scheduling is halted; the stores must come up nevertheless.
func TestWithoutIDsInBulkTheyAreTakenOneByOne(t *testing.T) {
	pd := newFakePD(t)
	pd.refuse("AskBatchSplit", pdpb.ErrorType_UNKNOWN)
	start(t, pd, small)
	if got, want := pd.count("AllocID"), 5+small.idCount()-2; got != want {
		t.Errorf("%d ids one by one, want %d", got, want)
	}
}

// What PD refuses to bootstrap is an error of the program, not something to try for ever.
func TestARefusedBootstrapIsTold(t *testing.T) {
	pd := newFakePD(t)
	pd.refuse("Bootstrap", pdpb.ErrorType_ALREADY_BOOTSTRAPPED)
	_, err := perform(t, pd, small)
	if err == nil || !strings.Contains(err.Error(), "bootstrap") ||
		!strings.Contains(err.Error(), "ALREADY_BOOTSTRAPPED") {
		t.Errorf("%v", err)
	}
}

// "Not bootstrapped" is what a PD says whose leader is just beginning: asked again, it knows.
func TestNotBootstrappedMeansNotYet(t *testing.T) {
	pd := newFakePD(t)
	pd.refuse("PutStore", pdpb.ErrorType_NOT_BOOTSTRAPPED)
	start(t, pd, small)
	if got := pd.count("PutStore"); got < 4 {
		t.Errorf("%d times for 3 stores and a refusal", got)
	}
}

// A program that is started again takes over what PD knows, regions that are none of its own layout
// included, and speaks with a higher term.
func TestABootstrappedPDIsTakenOver(t *testing.T) {
	pd := newFakePD(t)
	first := start(t, pd, small)
	before := first.world.regionStates(0, 0, time.Now())
	first.leave()
	<-first.ended
	pd.mu.Lock()
	for id := range pd.terms {
		pd.terms[id] = 0
	}
	calls := pd.calls["AllocID"]
	pd.mu.Unlock()

	second := start(t, pd, Layout{Stores: 1, Regions: 5, Replicas: 1, SizeMB: 7, Keys: 70})
	after := second.world.regionStates(0, 0, time.Now())
	if len(after) != len(before) {
		t.Fatalf("%d regions, there were %d", len(after), len(before))
	}
	for i := range before {
		was, is := before[i], after[i]
		if is.ID != was.ID || is.StartKey != was.StartKey || is.EndKey != was.EndKey ||
			is.Epoch != was.Epoch || is.LeaderPeer != was.LeaderPeer || is.Term < was.Term {
			t.Errorf("%+v became %+v", was, is)
		}
		if is.SizeMB != 7 || is.Keys != 70 {
			t.Errorf("PD does not say how large a region is: %+v", is)
		}
	}
	if pd.count("AllocID") != calls || len(second.world.storeIDs()) != 3 {
		t.Error("it made stores of its own")
	}
}

// Tombstones are no stores: they must not begin to speak again.
func TestTombstonesAreNotTakenOver(t *testing.T) {
	pd := newFakePD(t)
	first := start(t, pd, Layout{Stores: 4, Regions: 5, Replicas: 1})
	first.leave()
	<-first.ended
	pd.mu.Lock()
	var buried uint64
	for id := range pd.stores {
		if led := slices.ContainsFunc(values(pd.regions), func(r *pdpb.Region) bool {
			return r.GetLeader().GetStoreId() == id
		}); !led || buried == 0 {
			buried = id
		}
	}
	for id, known := range pd.regions {
		if known.GetLeader().GetStoreId() == buried {
			other := known.GetRegion().GetPeers()[0]
			other.StoreId = buried%4 + 1
			pd.regions[id] = &pdpb.Region{Region: known.GetRegion(), Leader: other}
		}
	}
	pd.buried[buried] = true
	pd.mu.Unlock()
	second := start(t, pd, small)
	if ids := second.world.storeIDs(); len(ids) != 3 || slices.Contains(ids, buried) {
		t.Errorf("stores %v, buried is %d", ids, buried)
	}
}

func values(of map[uint64]*pdpb.Region) []*pdpb.Region {
	all := make([]*pdpb.Region, 0, len(of))
	for _, one := range of {
		all = append(all, one)
	}
	return all
}

// A store that PD buries while it runs ends its heartbeats; the others go on.
func TestABuriedStoreIsSilent(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	waitFor(t, "heartbeats of store 1", func() bool { return pd.beatsOf(1) > 1 })
	pd.mu.Lock()
	pd.buried[1] = true
	pd.mu.Unlock()
	waitFor(t, "word of the burial", func() bool {
		return on.world.storeStates(time.Now())[0].State == "tombstone"
	})
	silent, others := pd.beatsOf(1), pd.beatsOf(2)
	waitFor(t, "more heartbeats of store 2", func() bool { return pd.beatsOf(2) > others+5 })
	if got := pd.beatsOf(1); got != silent {
		t.Errorf("%d heartbeats after the burial", got-silent)
	}
	on.mu.Lock()
	defer on.mu.Unlock()
	if _, running := on.running[1]; running {
		t.Error("its conversations go on")
	}
}

func (pd *fakePD) beatsOf(store uint64) int {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return len(pd.storeBeats[store])
}

// What PD sends on the stream is carried out, and PD hears of it at once.
func TestACommandIsCarriedOutAndReported(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, Layout{Stores: 4, Regions: 8, Replicas: 3})
	known := anyRegion(pd)
	free := outsiderOf(known)
	pd.command(t, known.GetLeader().GetStoreId(), &pdpb.RegionHeartbeatResponse{
		RegionId: known.GetRegion().GetId(), RegionEpoch: known.GetRegion().GetRegionEpoch(),
		TargetPeer: known.GetLeader(),
		ChangePeer: &pdpb.ChangePeer{
			ChangeType: eraftpb.ConfChangeType_AddLearnerNode,
			Peer:       &metapb.Peer{Id: 9001, StoreId: free, Role: metapb.PeerRole_Learner},
		},
	})
	id := known.GetRegion().GetId()
	waitFor(t, "a heartbeat with the learner", func() bool {
		return len(pd.region(id).GetRegion().GetPeers()) == 4
	})
	before := known.GetRegion().GetRegionEpoch().GetConfVer()
	if after := pd.region(id).GetRegion().GetRegionEpoch().GetConfVer(); after != before+1 {
		t.Errorf("conf_ver %d became %d", before, after)
	}
	if got := on.status().Effects["pd/add_peer"]; got != 1 {
		t.Errorf("%d effects", got)
	}
}

func anyRegion(pd *fakePD) *pdpb.Region {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	all := values(pd.regions)
	return slices.MinFunc(all, func(a, b *pdpb.Region) int {
		return int(a.GetRegion().GetId()) - int(b.GetRegion().GetId())
	})
}

func outsiderOf(known *pdpb.Region) uint64 {
	for store := uint64(1); ; store++ {
		if !slices.ContainsFunc(known.GetRegion().GetPeers(), func(p *metapb.Peer) bool {
			return p.GetStoreId() == store
		}) {
			return store
		}
	}
}

func splitOrder(known *pdpb.Region) *pdpb.RegionHeartbeatResponse {
	return &pdpb.RegionHeartbeatResponse{
		RegionId: known.GetRegion().GetId(), RegionEpoch: known.GetRegion().GetRegionEpoch(),
		SplitRegion: &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_SCAN},
	}
}

// A split asks PD for ids, cuts, and reports all its parts, the old region last.
func TestASplitIsAskedForCutAndReported(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	known := anyRegion(pd)
	pd.command(t, known.GetLeader().GetStoreId(), splitOrder(known))
	waitFor(t, "the report", func() bool {
		pd.mu.Lock()
		defer pd.mu.Unlock()
		return len(pd.reported) == 1
	})
	pd.mu.Lock()
	parts := pd.reported[0]
	pd.mu.Unlock()
	if len(parts) != 2 || parts[1].GetId() != known.GetRegion().GetId() {
		t.Fatalf("%v", parts)
	}
	if string(parts[0].GetEndKey()) != string(parts[1].GetStartKey()) ||
		string(parts[0].GetStartKey()) != string(known.GetRegion().GetStartKey()) ||
		string(parts[1].GetEndKey()) != string(known.GetRegion().GetEndKey()) {
		t.Errorf("the parts do not make the whole: %v", parts)
	}
	waitFor(t, "a heartbeat of the new region", func() bool { return pd.region(parts[0].GetId()) != nil })
	if got := on.status(); got.Regions != 9 || got.Unfinished != 0 {
		t.Errorf("%+v", got)
	}
}

// While PD gives no ids a region stays whole, and the next command may cut it.
func TestARefusedSplitCanBeAskedForAgain(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	asked := pd.count("AskBatchSplit")
	pd.refuse("AskBatchSplit", pdpb.ErrorType_UNKNOWN)
	known := anyRegion(pd)
	pd.command(t, known.GetLeader().GetStoreId(), splitOrder(known))
	waitFor(t, "the refusal", func() bool {
		return pd.count("AskBatchSplit") == asked+1 && on.status().Unfinished == 0
	})
	if on.status().Regions != 8 {
		t.Fatal("it was cut without ids")
	}
	pd.command(t, known.GetLeader().GetStoreId(), splitOrder(known))
	waitFor(t, "the split", func() bool { return on.status().Regions == 9 })
}

// A heartbeat that PD does not take is counted, and the stream goes on.
func TestAComplaintOnTheStreamEndsNothing(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	known := anyRegion(pd)
	store := known.GetLeader().GetStoreId()
	pd.command(t, store, &pdpb.RegionHeartbeatResponse{Header: &pdpb.ResponseHeader{
		Error: &pdpb.Error{Type: pdpb.ErrorType_UNKNOWN, Message: "region is stale"},
	}})
	pd.command(t, store, &pdpb.RegionHeartbeatResponse{}) // a keep-alive: no region, no command
	pd.command(t, store, splitOrder(known))
	waitFor(t, "the split after the complaint", func() bool { return on.status().Regions == 9 })
	if got := on.status().Refusals; got["heartbeat/UNKNOWN"] != 1 || len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// PD that lost its bootstrap ends the stream; the stores come back on a new one and report anew.
func TestANewStreamReportsEverything(t *testing.T) {
	pd := newFakePD(t)
	start(t, pd, small)
	pd.mu.Lock()
	before := len(pd.regions)
	clear(pd.regions)
	pd.mu.Unlock()
	for store := uint64(1); store <= 3; store++ {
		pd.command(t, store, &pdpb.RegionHeartbeatResponse{Header: &pdpb.ResponseHeader{
			Error: &pdpb.Error{Type: pdpb.ErrorType_NOT_BOOTSTRAPPED},
		}})
	}
	waitFor(t, "all regions anew", func() bool {
		pd.mu.Lock()
		defer pd.mu.Unlock()
		return len(pd.regions) == before
	})
}

// A delayed command is carried out late; dropped in between, never.
func TestADelayedCommandComesLateOrNotAtAll(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	known := anyRegion(pd)
	target := known.GetRegion().GetPeers()[1]
	if target.GetId() == known.GetLeader().GetId() {
		target = known.GetRegion().GetPeers()[0]
	}
	order := &pdpb.RegionHeartbeatResponse{
		RegionId: known.GetRegion().GetId(), RegionEpoch: known.GetRegion().GetRegionEpoch(),
		TransferLeader: &pdpb.TransferLeader{Peer: target},
	}
	on.setDelay(300)
	pd.command(t, known.GetLeader().GetStoreId(), order)
	waitFor(t, "a command that waits", func() bool { return on.status().Unfinished == 1 })
	if dropped := on.world.dropDelayed(); dropped != 1 {
		t.Fatalf("%d dropped", dropped)
	}
	pd.command(t, known.GetLeader().GetStoreId(), order) // due after the dropped one would be
	waitFor(t, "the transfer", func() bool {
		return on.status().Effects["pd/transfer_leader"] == 1 && on.status().Unfinished == 0
	})
	on.world.mu.Lock()
	defer on.world.mu.Unlock()
	if got := on.world.received.since(0, 0); len(got) != 1 || got[0].Result != resultDone {
		t.Errorf("the dropped one reached the region: %+v", got)
	}
}

func (on *troupe) setDelay(milliseconds int64) {
	on.world.mu.Lock()
	defer on.world.mu.Unlock()
	on.world.settings.CommandDelayMS = milliseconds
}

// A stopped store is silent on both conversations; started, it is put again, with a new start time
// and, where it moved, a new address.
func TestAStoppedStoreIsPutAgain(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	on.halt(2)
	on.world.stop(2, time.Now())
	waitFor(t, "elections", func() bool { return on.world.storeStates(time.Now())[1].LeaderCount == 0 })
	pd.mu.Lock()
	puts := len(pd.puts)
	pd.mu.Unlock()
	on.readdress(2, "elsewhere:1")
	on.world.start(2, time.Now())
	on.launch(on.run, 2)
	on.launch(on.run, 2) // it runs: a second start is none
	waitFor(t, "the store put again", func() bool {
		pd.mu.Lock()
		defer pd.mu.Unlock()
		return len(pd.puts) > puts
	})
	before := pd.beatsOf(2)
	waitFor(t, "its heartbeats", func() bool { return pd.beatsOf(2) > before+2 })
	pd.mu.Lock()
	defer pd.mu.Unlock()
	if len(pd.puts) != puts+1 || pd.puts[puts].GetAddress() != "elsewhere:1" {
		t.Errorf("%v", pd.puts[puts:])
	}
}

// Run ends with its context, also while PD never answers: a sandbox must come down.
func TestItEndsWithItsContext(t *testing.T) {
	pd := newFakePD(t)
	on := start(t, pd, small)
	on.leave()
	select {
	case err := <-on.ended:
		if err != nil {
			t.Errorf("%v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("it goes on")
	}
}

// Epochs of a fresh layout are those that the splits and added peers would have made: PD's own
// checks compare them.
func TestAFreshLayoutHasTheEpochsOfItsHistory(t *testing.T) {
	pd := newFakePD(t)
	start(t, pd, small)
	want := region.Epoch{ConfVer: 5, Version: 8}
	for _, known := range values(pd.regions) {
		if got := region.EpochOf(known.GetRegion().GetRegionEpoch()); got != want {
			t.Errorf("region %d: %+v", known.GetRegion().GetId(), got)
		}
	}
}

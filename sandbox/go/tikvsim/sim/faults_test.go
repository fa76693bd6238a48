package sim

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/pdlink"
	"assent.tikv.org/sandbox/tikvsim/region"
)

// A stopped store's leaders are elected elsewhere, spread over all, with a higher term; its peers
// are reported down for as long as it is.
func TestStopElectsAndReportsDown(t *testing.T) {
	b := newBed(t, 40)
	b.settings.DownSecondsFactor = 60
	b.stop(2, noon)
	b.stop(2, noon)
	elections := 0
	for _, line := range b.effects() {
		if line.Kind != region.Election || line.Cause != effect.ByElection || line.Term != 11 {
			t.Errorf("%+v", line)
		}
		elections++
	}
	if elections != 10 {
		t.Errorf("%d elections for 10 leaders", elections)
	}
	for _, state := range b.storeStates(noon) {
		if state.ID != 2 && (state.LeaderCount < 13 || state.LeaderCount > 14) {
			t.Errorf("store %d leads %d regions", state.ID, state.LeaderCount)
		}
	}
	for range len(b.slots) {
		b.Tick()
	}
	later := noon.Add(10 * time.Second)
	downs := 0
	for _, id := range []uint64{1, 3, 4} {
		for _, beat := range b.beats(id, later) {
			for _, down := range beat.GetDownPeers() {
				downs++
				if down.GetPeer().GetStoreId() != 2 || down.GetDownSeconds() != 600 {
					t.Errorf("%v", down)
				}
			}
		}
	}
	if downs != 30 {
		t.Errorf("%d down peers, the store has 30", downs)
	}
	if len(b.beats(2, later)) != 0 {
		t.Error("a stopped store speaks")
	}
	b.start(2, later)
	if got := b.beats(1, later); len(got) == 0 {
		t.Error("nobody told PD that the store is back")
	}
}

// Without a quorum a region is silent and keeps its leader; with it, it elects.
func TestQuorumIsLostAndFoundAgain(t *testing.T) {
	b := newBed(t, 40)
	b.stop(1, noon)
	b.stop(2, noon)
	stuck := 0
	for _, r := range b.regions {
		if !b.alive(r.LeaderStore()) {
			stuck++
		}
		b.report(r.ID)
	}
	if stuck == 0 {
		t.Fatal("no region lost its quorum: the test proves nothing")
	}
	for _, id := range []uint64{3, 4} {
		for _, beat := range b.beats(id, noon) {
			if r := b.regions[beat.GetRegion().GetId()]; !r.Quorum(b.alive) {
				t.Errorf("region %d speaks without a quorum", r.ID)
			}
		}
	}
	b.start(1, noon)
	for _, r := range b.regions {
		if !b.alive(r.LeaderStore()) {
			t.Errorf("region %d has no live leader", r.ID)
		}
	}
}

// A peer added to a dead store gets its snapshot when the store is back.
func TestSnapshotsWaitForADeadStore(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	target := outsider(r)
	b.stop(target, noon)
	b.execute(1, addLearner(r, 9001, target), noon)
	if peer, _ := r.PeerByID(9001); !peer.PendingAt(noon.Add(time.Hour)) {
		t.Error("a snapshot reached a dead store")
	}
	b.start(target, noon)
	if peer, _ := r.PeerByID(9001); peer.PendingAt(noon) {
		t.Error("the snapshot never arrives")
	}
}

func TestStoreFaultsInItsHeartbeat(t *testing.T) {
	b := newBed(t, 40)
	b.flag(1, "fill", true)
	b.flag(1, "slow", true)
	beat := b.storeBeat(1, noon)
	if beat.Available*100 > beat.Capacity*4 || beat.Available >= 8<<30 || beat.SlowScore != 100 {
		t.Errorf("available %d of %d, slow score %d", beat.Available, beat.Capacity, beat.SlowScore)
	}
	b.flag(1, "fill", false)
	b.flag(1, "slow", false)
	if beat = b.storeBeat(1, noon); beat.Available*2 < beat.Capacity || beat.SlowScore != 1 {
		t.Errorf("available %d of %d, slow score %d", beat.Available, beat.Capacity, beat.SlowScore)
	}
	if beat.RegionCount != 30 || beat.UsedSize != 30*96*mib {
		t.Errorf("%d regions, %d bytes", beat.RegionCount, beat.UsedSize)
	}
}

// Heat shows in both kinds of heartbeat, in proportion to the interval, and ends.
func TestHeat(t *testing.T) {
	b := newBed(t, 40)
	if hot := b.heat(3, Heat{Regions: 2, WriteBytes: 100, ReadBytes: 50}, noon); hot != 2 {
		t.Fatalf("%d hot regions", hot)
	}
	written := uint64(0)
	for _, beat := range b.beats(3, noon) {
		written += beat.GetBytesWritten()
	}
	if written != 2*100*60 {
		t.Errorf("written %d, hot since a minute", written)
	}
	later := noon.Add(10 * time.Second)
	beat := b.storeBeat(3, later)
	if beat.GetBytesRead() != 2*50*10 || len(beat.GetPeerStats()) != 2 {
		t.Errorf("read %d, %v", beat.GetBytesRead(), beat.GetPeerStats())
	}
	b.heat(3, Heat{Off: true}, later)
	if beat := b.storeBeat(3, later.Add(10*time.Second)); beat.GetBytesRead() != 0 {
		t.Errorf("still %d", beat.GetBytesRead())
	}
}

func TestMoveLeadersWithoutPD(t *testing.T) {
	b := newBed(t, 40)
	if moved := b.moveLeaders(1, 3, 4, noon); moved != 4 {
		t.Errorf("%d moved", moved)
	}
	for _, line := range b.effects() {
		if line.Cause != effect.ByControl || line.FromStore != 1 || line.ToStore != 3 {
			t.Errorf("%+v", line)
		}
	}
	if states := b.storeStates(noon); states[0].LeaderCount != 6 || states[2].LeaderCount != 14 {
		t.Errorf("%+v", states)
	}
}

// Every region is due once a minute, and no moment has many more than its share.
func TestHeartbeatsAreSpread(t *testing.T) {
	b := newBed(t, 1205)
	most, all := 0, 0
	for range len(b.slots) {
		b.Tick()
		due := 0
		for id := uint64(1); id <= 4; id++ {
			due += len(b.beats(id, noon))
		}
		all, most = all+due, max(most, due)
	}
	if all != 1205 || most > 3 {
		t.Errorf("%d heartbeats in a minute, up to %d in one of 600 ticks", all, most)
	}
}

// Reports that were not sent yet are one, and it has the newest state; a queue whose region moved
// to another store is not sent by the old one.
func TestQueuedReportsAreMerged(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	b.report(r.ID)
	b.report(r.ID)
	b.moveLeaders(1, r.Peers[1].Store, 1, noon)
	if got := b.beats(1, noon); len(got) != 0 {
		t.Errorf("the old leader speaks: %v", got)
	}
	got := b.beats(r.Peers[1].Store, noon)
	if got[r.ID].GetTerm() != 11 {
		t.Errorf("%v", got)
	}
}

func TestAdoptedRegions(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	leader, _ := r.LeaderPeer()
	known := &pdpb.Region{Region: r.Meta(), Leader: leader.Meta()}
	if got := adopted(known, 96, 1000, 50); got.Leader != r.Leader || got.Epoch != r.Epoch || got.Term != 50 {
		t.Errorf("%+v", got)
	}
	known.Leader = nil
	if got := adopted(known, 96, 1000, 50); got.Leader != r.Peers[0].ID {
		t.Errorf("PD names no leader, some voter must lead: %+v", got)
	}
}

func TestControlAPI(t *testing.T) {
	b := newBed(t, 40)
	link := pdlink.New(nil, nil, b.log)
	simulation := New(b.World, link, Config{StoreBeat: time.Hour}, b.log)
	stopped := false
	control := simulation.Control(context.Background(), func() { stopped = true })
	ask := func(method, path, body string) (int, string) {
		answer := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
		control.ServeHTTP(answer, request)
		return answer.Code, answer.Body.String()
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		holds              string
	}{
		{"GET", "/status", "", 200, `"regions":40`},
		{"GET", "/stores", "", 200, `"leader_count":10`},
		{"GET", "/regions?limit=1", "", 200, `"id":100`},
		{"GET", "/regions?limit=1&after=100", "", 200, `"id":104`},
		{"GET", "/regions?limit=x", "", 400, "limit"},
		{"GET", "/regions?after=x", "", 400, "after"},
		{"GET", "/region/100", "", 200, `"leader_store":1`},
		{"GET", "/region/101", "", 404, "not found"},
		{"GET", "/region/x", "", 400, "not a number"},
		{"POST", "/regions/100", `{"size_mb":5,"write_bytes_per_second":7}`, 200, `"size_mb":5`},
		{"POST", "/regions/100", `{"size":5}`, 400, "unknown field"},
		{"POST", "/regions/1", `{}`, 404, "not found"},
		{"POST", "/settings", `{"snapshot_delay_ms":70}`, 200, `"snapshot_delay_ms":70`},
		{"POST", "/settings", `{"down_seconds_factor":0}`, 400, "down_seconds_factor"},
		{"GET", "/settings", "", 200, `"snapshot_delay_ms":70`},
		{"POST", "/leaders/move", `{"from_store":1,"to_store":2,"count":3}`, 200, `"moved":3`},
		{"POST", "/leaders/move", `{"from_store":9,"to_store":2,"count":3}`, 404, "not found"},
		{"POST", "/stores/1/slow", "", 200, `"slow":true`},
		{"POST", "/stores/1/slow", `{"off":true}`, 200, `"slow":false`},
		{"POST", "/stores/1/fill", "", 200, `"full":true`},
		{"POST", "/stores/1/hang", "", 200, `"hung":true`},
		{"POST", "/stores/1/heat", `{"regions":2}`, 200, `"hot_regions":2`},
		{"POST", "/stores/1/stop", "", 200, `"state":"stopped"`},
		{"POST", "/stores/1/melt", "", 400, "known are"},
		{"POST", "/stores/9/stop", "", 404, "not found"},
		{"POST", "/shutdown", "", 200, "stopping"},
	} {
		status, text := ask(c.method, c.path, c.body)
		if status != c.status || !strings.Contains(text, c.holds) {
			t.Errorf("%s %s %s: %d %s", c.method, c.path, c.body, status, text)
		}
	}
	if !stopped {
		t.Error("shutdown was not called")
	}
}

package sim

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/region"
)

// The world as a whole keeps its laws whatever PD commands and whatever breaks: no key is lost or
// held twice, counters are those of the regions, and the effect log tells exactly what happened.
// Tests of the operator count lines of that log, so each of these is what they stand on.

const (
	lawSeeds   = 12
	lawSteps   = 150
	lawRegions = 12
)

// god plays PD, the weather and the tests' orders on one world.
type god struct {
	*bed
	random *rand.Rand
	now    time.Time
	nextID uint64
	asks   []*splitAsk
	sent   []delivered
	said   []string
}

// delivered is a command that reached a store.
type delivered struct {
	store   uint64
	command *pdpb.RegionHeartbeatResponse
}

func newGod(t *testing.T, seed int64) *god {
	return &god{
		bed: newBed(t, lawRegions), random: rand.New(rand.NewSource(seed)), now: noon, nextID: 5000,
	}
}

func (g *god) id() uint64 {
	g.nextID++
	return g.nextID
}

func (g *god) anyRegion() *tracked {
	ids := g.sortedRegions()
	return g.regions[ids[g.random.Intn(len(ids))]]
}

func (g *god) anyStore() uint64 { return uint64(1 + g.random.Intn(4)) }

func (g *god) note(format string, arguments ...any) {
	g.said = append(g.said, fmt.Sprintf(format, arguments...))
}

func (g *god) fail(format string, arguments ...any) {
	g.t.Helper()
	for _, line := range g.said {
		g.t.Log(line)
	}
	g.t.Fatalf(format, arguments...)
}

// deliver sends a command to the store of the region's leader, mostly.
func (g *god) deliver(r *tracked, order *pdpb.RegionHeartbeatResponse) {
	store := r.LeaderStore()
	if g.random.Intn(10) == 0 {
		store = g.anyStore()
	}
	g.send(delivered{store, order})
}

func (g *god) send(one delivered) {
	if ask := g.execute(one.store, one.command, g.now); ask != nil {
		g.asks = append(g.asks, ask)
	}
	last := g.received.lines[len(g.received.lines)-1]
	g.note("store %d: %s of region %d: %s", last.Store, last.Command, last.Region, last.Result)
	g.sent = append(g.sent, one)
}

func (g *god) changePeers(r *tracked) *pdpb.RegionHeartbeatResponse {
	order := command(r)
	order.ChangePeerV2 = &pdpb.ChangePeerV2{}
	if r.InJoint() {
		return order
	}
	follower := r.Peers[g.random.Intn(len(r.Peers))].Meta()
	kinds := []eraftpb.ConfChangeType{
		eraftpb.ConfChangeType_AddNode, eraftpb.ConfChangeType_AddLearnerNode,
		eraftpb.ConfChangeType_RemoveNode,
	}
	kind := kinds[g.random.Intn(3)]
	if len(r.Peers) <= 3 && kind == eraftpb.ConfChangeType_RemoveNode && g.random.Intn(3) > 0 {
		kind, follower = eraftpb.ConfChangeType_AddLearnerNode, &metapb.Peer{Id: g.id(), StoreId: g.anyStore()}
	}
	one := &pdpb.ChangePeer{ChangeType: kind, Peer: follower}
	if g.random.Intn(2) == 0 {
		order.ChangePeerV2 = nil
		order.ChangePeer = one
		return order
	}
	order.ChangePeerV2.Changes = []*pdpb.ChangePeer{one}
	other := r.Peers[g.random.Intn(len(r.Peers))].Meta()
	if g.random.Intn(2) == 0 && other.GetId() != follower.GetId() {
		order.ChangePeerV2.Changes = append(order.ChangePeerV2.Changes,
			&pdpb.ChangePeer{ChangeType: kinds[g.random.Intn(2)], Peer: other})
	}
	return order
}

// mergeWithNext asks a region to merge into its right neighbour, as PD's merge checker does.
func (g *god) mergeWithNext(r *tracked) *pdpb.RegionHeartbeatResponse {
	order := command(r)
	for _, other := range g.regions {
		if len(r.End) > 0 && bytes.Equal(other.Start, r.End) {
			order.Merge = &pdpb.Merge{Target: other.Meta()}
			return order
		}
	}
	order.Merge = &pdpb.Merge{Target: &metapb.Region{Id: 99999}}
	return order
}

func (g *god) answerSplit() {
	at := g.random.Intn(len(g.asks))
	ask := g.asks[at]
	g.asks = slices.Delete(g.asks, at, at+1)
	var ids []*pdpb.SplitID
	if g.random.Intn(5) > 0 {
		for range ask.keys {
			split := &pdpb.SplitID{NewRegionId: g.id()}
			for range ask.meta.GetPeers() {
				split.NewPeerIds = append(split.NewPeerIds, g.id())
			}
			ids = append(ids, split)
		}
	}
	parts := g.completeSplit(ask, ids, g.now)
	g.note("split of %d with %d ids: %d parts", ask.meta.GetId(), len(ids), len(parts))
}

func (g *god) breakSomething() {
	store := g.anyStore()
	switch g.random.Intn(6) {
	case 0:
		g.note("stop %d", store)
		g.stop(store, g.now)
	case 1, 2:
		g.note("start %d", store)
		g.start(store, g.now)
	case 3:
		on := g.random.Intn(2) == 0
		g.note("hang %d %t", store, on)
		g.flag(store, "hang", on)
	case 4:
		other := g.anyStore()
		g.note("%d leaders from %d to %d", g.moveLeaders(store, other, 2, g.now), store, other)
	case 5:
		g.note("%d hot", g.heat(store, Heat{Regions: 2, Off: g.random.Intn(2) == 0}, g.now))
	}
}

func (g *god) step() {
	r := g.anyRegion()
	switch g.random.Intn(9) {
	case 0, 1, 2:
		g.deliver(r, g.changePeers(r))
	case 3:
		order := command(r)
		order.TransferLeader = &pdpb.TransferLeader{Peer: r.Peers[g.random.Intn(len(r.Peers))].Meta()}
		g.deliver(r, order)
	case 4:
		order := command(r)
		order.SplitRegion = &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_SCAN}
		g.deliver(r, order)
	case 5:
		g.deliver(r, g.mergeWithNext(r))
	case 6:
		if len(g.asks) > 0 {
			g.answerSplit()
		}
	case 7:
		if len(g.sent) > 0 {
			g.send(g.sent[g.random.Intn(len(g.sent))])
		}
	case 8:
		g.breakSomething()
	}
	g.now = g.now.Add(time.Duration(g.random.Intn(1500)) * time.Millisecond)
}

func TestWhateverHappensTheWorldKeepsItsLaws(t *testing.T) {
	for seed := range int64(lawSeeds) {
		g := newGod(t, seed)
		epochs := make(map[uint64]region.Epoch)
		terms := make(map[uint64]uint64)
		for range lawSteps {
			g.step()
			g.everyKeyHasOneRegion()
			g.countersAreThoseOfTheRegions()
			g.peersAreDistinct()
			for id, r := range g.regions {
				was, term := epochs[id], terms[id]
				if r.Epoch.ConfVer < was.ConfVer || r.Epoch.Version < was.Version || r.Term < term {
					g.fail("seed %d: region %d fell from %+v (term %d) to %+v (term %d)",
						seed, id, was, term, r.Epoch, r.Term)
				}
				epochs[id], terms[id] = r.Epoch, r.Term
			}
		}
		g.theLogTellsTheStory()
		g.onlyLiveLeadersSpeak()
	}
}

func (g *god) everyKeyHasOneRegion() {
	g.t.Helper()
	all := make([]*tracked, 0, len(g.regions))
	for _, r := range g.regions {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *tracked) int { return bytes.Compare(a.Start, b.Start) })
	at := []byte{}
	for i, r := range all {
		if !bytes.Equal(r.Start, at) {
			g.fail("region %d begins at %x, the one before ends at %x", r.ID, r.Start, at)
		}
		if at = r.End; len(at) == 0 && i < len(all)-1 {
			g.fail("region %d ends nowhere and is not the last", r.ID)
		}
	}
	if len(at) != 0 {
		g.fail("nobody holds what is after %x", at)
	}
}

func (g *god) countersAreThoseOfTheRegions() {
	g.t.Helper()
	leaders, peers, size := make(map[uint64]int), make(map[uint64]int), make(map[uint64]uint64)
	for _, r := range g.regions {
		leaders[r.LeaderStore()]++
		for _, peer := range r.Peers {
			peers[peer.Store]++
			size[peer.Store] += r.SizeMB
		}
	}
	for _, state := range g.storeStates(g.now) {
		if state.LeaderCount != leaders[state.ID] || state.PeerCount != peers[state.ID] ||
			state.SizeMB != size[state.ID] {
			g.fail("store %+v, its regions say %d, %d, %d", state,
				leaders[state.ID], peers[state.ID], size[state.ID])
		}
	}
}

func (g *god) peersAreDistinct() {
	g.t.Helper()
	ids := make(map[uint64]uint64)
	for _, r := range g.regions {
		stores := make(map[uint64]bool)
		for _, peer := range r.Peers {
			if other, twice := ids[peer.ID]; twice || stores[peer.Store] {
				g.fail("peer %+v of region %d is region %d's, too", peer, r.ID, other)
			}
			ids[peer.ID], stores[peer.Store] = r.ID, true
		}
		if leader, found := r.LeaderPeer(); !found || leader.Role == metapb.PeerRole_Learner {
			g.fail("region %d is led by %+v", r.ID, leader)
		}
	}
}

// theLogTellsTheStory: for each region every line begins where the line before ended, and the last
// one ends where the region is. A change without a line, or a line without a change, breaks it.
func (g *god) theLogTellsTheStory() {
	g.t.Helper()
	first := newBed(g.t, lawRegions)
	at := make(map[uint64]region.Epoch)
	for id, r := range first.regions {
		at[id] = r.Epoch
	}
	done := uint64(0)
	for _, line := range g.effects() {
		if line.EpochBefore != at[line.Region] {
			g.fail("region %d: %s begins at %+v, the line before ended at %+v",
				line.Region, line.Kind, line.EpochBefore, at[line.Region])
		}
		at[line.Region] = line.EpochAfter
		for _, created := range line.NewRegions {
			at[created] = line.EpochAfter
		}
		delete(at, line.Source)
		if line.Cause == effect.ByPD {
			done++
		}
	}
	if len(at) != len(g.regions) {
		g.fail("the log ends with %d regions, the world with %d", len(at), len(g.regions))
	}
	for id, epoch := range at {
		if r := g.regions[id]; r == nil || r.Epoch != epoch {
			g.fail("region %d: the log ends at %+v, the world at %+v", id, epoch, r)
		}
	}
	counted := uint64(0)
	for why, count := range g.status(true).Effects {
		if why[:2] == "pd" {
			counted += count
		}
	}
	if counted != done {
		g.fail("%d effects counted, %d lines", counted, done)
	}
}

// onlyLiveLeadersSpeak: PD hears of a region from the store that leads it, in its newest state.
func (g *god) onlyLiveLeadersSpeak() {
	g.t.Helper()
	for _, id := range g.storeIDs() {
		g.reportAll(id)
	}
	for _, id := range g.storeIDs() {
		for regionID, beat := range g.beats(id, g.now) {
			r := g.regions[regionID]
			if r == nil || r.LeaderStore() != id || !g.alive(id) {
				g.fail("store %d speaks for region %d", id, regionID)
			}
			if region.EpochOf(beat.GetRegion().GetRegionEpoch()) != r.Epoch || beat.GetTerm() != r.Term ||
				beat.GetLeader().GetId() != r.Leader {
				g.fail("of region %d PD hears %v", regionID, beat)
			}
		}
	}
}

// A law that is never put to the test holds for free.
func TestTheDrawnWorldsReachEverything(t *testing.T) {
	effects, results := make(map[string]uint64), make(map[string]int)
	for seed := range int64(lawSeeds) {
		g := newGod(t, seed)
		for range lawSteps {
			g.step()
		}
		for why, count := range g.status(true).Effects {
			effects[why] += count
		}
		for _, line := range g.received.lines {
			results[line.Result]++
		}
	}
	for _, want := range []string{
		"pd/add_peer", "pd/remove_peer", "pd/promote", "pd/demote", "pd/transfer_leader", "pd/split",
		"pd/merge", "pd/enter_joint", "pd/leave_joint", "election/election", "control/transfer_leader",
	} {
		if effects[want] == 0 {
			t.Errorf("never %s: %v", want, effects)
		}
	}
	for _, want := range []string{
		"stale_epoch", "no_such_region", "not_leader", "store_hung", "store_stopped", "splitting",
		"split_running", "peers_on_different_stores", "no_quorum", "peer_is_leader",
	} {
		if results[want] == 0 {
			t.Errorf("never %s: %v", want, results)
		}
	}
}

// PD sends a command again and again until a heartbeat shows it done. Whatever came between, the
// copy that arrives later changes nothing. (A transfer of a leader changes no epoch: only at once is
// its copy without effect, as with TiKV.)
func TestWhatWasDoneIsNeverDoneAgain(t *testing.T) {
	copies := 0
	for seed := range int64(lawSeeds) {
		g := newGod(t, seed)
		var done []delivered
		for range lawSteps {
			first, fresh := g.received.next, -1
			g.step()
			if lines := g.received.since(first, 0); len(lines) > 0 && lines[0].Result == resultDone {
				fresh = len(done)
				done = append(done, g.sent[len(g.sent)-1])
			}
			before := g.status(true).Effects
			for i, old := range done {
				if old.command.GetTransferLeader() == nil || i == fresh {
					g.execute(old.store, old.command, g.now)
					copies++
				}
			}
			if after := g.status(true).Effects; fmt.Sprint(before) != fmt.Sprint(after) {
				g.fail("seed %d: copies of what was done had effects: %v became %v", seed, before, after)
			}
		}
	}
	if copies < lawSeeds*lawSteps {
		t.Errorf("only %d copies came: this proves little", copies)
	}
}

package region

import (
	"bytes"
	"fmt"
	"math/rand"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
)

// The laws hold for every region after any commands in any order, also senseless, late and
// repeated ones: PD trusts what a region reports, so a region that breaks one of them would show
// PD's behaviour towards something that TiKV never is.

const (
	lawStores = 6
	lawRuns   = 60
	lawSteps  = 120
)

// player draws commands for one region and carries out what is accepted.
type player struct {
	t      *testing.T
	random *rand.Rand
	now    time.Time
	dead   map[uint64]bool
	nextID uint64
	region Region
	said   []string
}

func newPlayer(t *testing.T, seed int64) *player {
	p := &player{
		t: t, random: rand.New(rand.NewSource(seed)), now: noon,
		dead: make(map[uint64]bool), nextID: 1000, region: regionOf(three...),
	}
	p.region.Start, p.region.End = TableKey(1, 0), TableKey(1, 1<<40)
	p.region.SizeMB, p.region.Keys = 96, 1000
	return p
}

func (p *player) view() View {
	return View{
		Now: p.now, SnapshotDelay: time.Second,
		Alive: func(store uint64) bool { return !p.dead[store] },
	}
}

// step is a command with its arguments: a repeat is the same call once more.
type step struct {
	name string
	run  func(Region, View) (Change, Refusal)
}

func (p *player) store() uint64 { return uint64(1 + p.random.Intn(lawStores)) }

// anyPeer is mostly one of the region's, sometimes one that never was.
func (p *player) anyPeer() *metapb.Peer {
	if p.random.Intn(8) == 0 {
		return &metapb.Peer{Id: uint64(p.random.Intn(2000)), StoreId: p.store()}
	}
	return p.region.Peers[p.random.Intn(len(p.region.Peers))].Meta()
}

func (p *player) newID() uint64 {
	p.nextID++
	return p.nextID
}

// epoch is mostly the region's, sometimes an old or a future one.
func (p *player) epoch() Epoch {
	epoch := p.region.Epoch
	switch p.random.Intn(10) {
	case 0:
		epoch.ConfVer += uint64(p.random.Intn(3)) - 1
	case 1:
		epoch.Version += uint64(p.random.Intn(3)) - 1
	}
	return epoch
}

func (p *player) peerChange() *pdpb.ChangePeer {
	kinds := []eraftpb.ConfChangeType{addNode, addLearner, removeNode}
	one := &pdpb.ChangePeer{ChangeType: kinds[p.random.Intn(len(kinds))], Peer: p.anyPeer()}
	if one.ChangeType != removeNode && p.random.Intn(2) == 0 {
		one.Peer = &metapb.Peer{Id: p.newID(), StoreId: p.store()}
	}
	return one
}

func (p *player) draw() step {
	asked := p.epoch()
	switch p.random.Intn(7) {
	case 0, 1, 2:
		several := make([]*pdpb.ChangePeer, p.random.Intn(4))
		for i := range several {
			several[i] = p.peerChange()
		}
		return step{fmt.Sprintf("change peers %v at %+v", several, asked),
			func(r Region, v View) (Change, Refusal) { return r.ChangePeers(asked, several, v) }}
	case 3:
		command := &pdpb.TransferLeader{Peer: p.anyPeer()}
		for range p.random.Intn(3) {
			command.Peers = append(command.Peers, p.anyPeer())
		}
		return step{fmt.Sprintf("transfer leader %v at %+v", command, asked),
			func(r Region, v View) (Change, Refusal) { return r.TransferLeaderTo(asked, command, v) }}
	case 4:
		switches := make([]*pdpb.SwitchWitness, 1+p.random.Intn(2))
		for i := range switches {
			switches[i] = &pdpb.SwitchWitness{
				PeerId: p.anyPeer().GetId(), IsWitness: p.random.Intn(2) == 0,
			}
		}
		return step{fmt.Sprintf("switch witnesses %v at %+v", switches, asked),
			func(r Region, v View) (Change, Refusal) { return r.SwitchWitnesses(asked, switches, v) }}
	case 5:
		return step{"elect", Region.Elect}
	}
	command := &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_SCAN}
	ids := []*pdpb.SplitID{{NewRegionId: p.newID()}}
	for range p.region.Peers {
		ids[0].NewPeerIds = append(ids[0].NewPeerIds, p.newID())
	}
	return step{fmt.Sprintf("split at %+v", asked), func(r Region, _ View) (Change, Refusal) {
		keys, refusal := r.SplitKeys(asked, command)
		if refusal != Accepted {
			return Change{}, refusal
		}
		return r.SplitAt(asked, keys, ids)
	}}
}

// weather kills, revives, and lets time pass.
func (p *player) weather() {
	switch p.random.Intn(12) {
	case 0:
		p.dead[p.store()] = true
	case 1, 2:
		delete(p.dead, p.store())
	case 3:
		p.now = p.now.Add(time.Second)
	}
}

func (p *player) fail(format string, arguments ...any) {
	p.t.Helper()
	for _, line := range p.said {
		p.t.Log(line)
	}
	p.t.Fatalf(format, arguments...)
}

func TestWhateverIsCommandedARegionKeepsItsLaws(t *testing.T) {
	for seed := range int64(lawRuns) {
		p := newPlayer(t, seed)
		for range lawSteps {
			p.weather()
			drawn := p.draw()
			before := p.region.clone()
			change, refusal := drawn.run(p.region, p.view())
			p.said = append(p.said, fmt.Sprintf("%s: %q", drawn.name, refusal))
			if fmt.Sprintf("%+v", before) != fmt.Sprintf("%+v", p.region) {
				p.fail("seed %d: the region itself was modified:\n%+v\n%+v", seed, before, p.region)
			}
			if refusal != Accepted {
				p.sameAgain(seed, drawn, refusal)
				continue
			}
			p.lawsOfAChange(seed, before, change)
			p.region = change.Next
			p.lawsOfARegion(seed, p.region)
			for _, created := range change.Created {
				p.lawsOfARegion(seed, created)
			}
			p.repeatHasNoEffect(seed, drawn)
		}
	}
}

// sameAgain: what is refused is refused for a reason that stands while nothing changes.
func (p *player) sameAgain(seed int64, refused step, refusal Refusal) {
	p.t.Helper()
	if _, again := refused.run(p.region, p.view()); again != refusal {
		p.fail("seed %d: refused with %q, then with %q", seed, refusal, again)
	}
}

// repeatHasNoEffect: PD resends every few seconds; the second copy comes to nothing.
func (p *player) repeatHasNoEffect(seed int64, accepted step) {
	p.t.Helper()
	change, refusal := accepted.run(p.region, p.view())
	if refusal == Accepted {
		p.fail("seed %d: the repeat has an effect: %+v", seed, change)
	}
}

// lawsOfAChange: epochs and terms only grow, and by what happened.
func (p *player) lawsOfAChange(seed int64, before Region, change Change) {
	p.t.Helper()
	next := change.Next
	switch {
	case change.Before != before.Epoch:
		p.fail("seed %d: before was %+v, not %+v", seed, before.Epoch, change.Before)
	case next.ID != before.ID:
		p.fail("seed %d: region %d became %d", seed, before.ID, next.ID)
	case next.Epoch.ConfVer < before.Epoch.ConfVer || next.Epoch.Version < before.Epoch.Version:
		p.fail("seed %d: %+v fell to %+v", seed, before.Epoch, next.Epoch)
	case next.Term < before.Term:
		p.fail("seed %d: term %d fell to %d", seed, before.Term, next.Term)
	}
	led := change.Kind == TransferLeader || change.Kind == Election
	if led != (next.Leader != before.Leader) || led != (next.Term == before.Term+1) {
		p.fail("seed %d: %s: leader %d to %d, term %d to %d", seed, change.Kind,
			before.Leader, next.Leader, before.Term, next.Term)
	}
	if led && next.Epoch != before.Epoch {
		p.fail("seed %d: a leader changes no epoch: %+v", seed, next.Epoch)
	}
	if changed := differing(before, next); next.Epoch.ConfVer != before.Epoch.ConfVer+changed {
		p.fail("seed %d: %s: %d peers changed, %+v became %+v", seed, change.Kind, changed,
			before.Epoch, next.Epoch)
	}
	if change.Kind == Split {
		p.lawsOfASplit(seed, before, change)
	} else if next.Epoch.Version != before.Epoch.Version || !sameRange(next, before) {
		p.fail("seed %d: %s moved the borders", seed, change.Kind)
	}
}

// lawsOfASplit: the parts cover what the whole covered, in order, and all have the new epoch.
func (p *player) lawsOfASplit(seed int64, before Region, change Change) {
	p.t.Helper()
	parts := append(append([]Region(nil), change.Created...), change.Next)
	at := before.Start
	for _, part := range parts {
		if !bytes.Equal(part.Start, at) || part.Epoch != change.Next.Epoch {
			p.fail("seed %d: part %d begins at %x, not %x; %+v", seed, part.ID, part.Start, at, part.Epoch)
		}
		if part.LeaderStore() != before.LeaderStore() {
			p.fail("seed %d: part %d is led from store %d", seed, part.ID, part.LeaderStore())
		}
		at = part.End
	}
	if !bytes.Equal(at, before.End) {
		p.fail("seed %d: the parts end at %x, the whole at %x", seed, at, before.End)
	}
	if change.Next.Epoch.Version != before.Epoch.Version+uint64(len(change.Created)) {
		p.fail("seed %d: %d new regions, %+v", seed, len(change.Created), change.Next.Epoch)
	}
}

// differing counts the peers that came, went, or changed their role: PD checks conf_ver by them.
func differing(before, after Region) uint64 {
	count := uint64(0)
	for _, peer := range after.Peers {
		was, found := before.PeerByID(peer.ID)
		if !found || was.Role != peer.Role || was.Witness != peer.Witness {
			count++
		}
	}
	for _, peer := range before.Peers {
		if _, stays := after.PeerByID(peer.ID); !stays {
			count++
		}
	}
	return count
}

func sameRange(a, b Region) bool { return bytes.Equal(a.Start, b.Start) && bytes.Equal(a.End, b.End) }

// lawsOfARegion: one peer a store, no id twice, and a leader that is a voter with the data.
func (p *player) lawsOfARegion(seed int64, r Region) {
	p.t.Helper()
	stores, ids := make(map[uint64]bool), make(map[uint64]bool)
	for _, peer := range r.Peers {
		if stores[peer.Store] || ids[peer.ID] || peer.ID == 0 || peer.Store == 0 {
			p.fail("seed %d: peers %+v", seed, r.Peers)
		}
		stores[peer.Store], ids[peer.ID] = true, true
	}
	leader, found := r.LeaderPeer()
	if !found || leader.Witness || !(leader.votesBefore() || leader.votesAfter()) {
		p.fail("seed %d: led by %+v of %+v", seed, leader, r.Peers)
	}
	if len(r.End) > 0 && bytes.Compare(r.Start, r.End) >= 0 {
		p.fail("seed %d: from %x to %x", seed, r.Start, r.End)
	}
	everybody := func(uint64) bool { return true }
	if !r.Quorum(everybody) {
		p.fail("seed %d: no quorum although all live: %+v", seed, r.Peers)
	}
}

// A law that is never put to the test holds for free: the draws reach every kind of change, and
// every refusal that a single region can give.
func TestTheDrawsReachEverything(t *testing.T) {
	kinds, refusals := make(map[Kind]int), make(map[Refusal]int)
	for seed := range int64(lawRuns) {
		p := newPlayer(t, seed)
		for range lawSteps {
			p.weather()
			change, refusal := p.draw().run(p.region, p.view())
			refusals[refusal]++
			if refusal == Accepted {
				kinds[change.Kind]++
				p.region = change.Next
			}
		}
	}
	for _, kind := range []Kind{
		AddPeer, Promote, Demote, RemovePeer, EnterJoint, LeaveJoint, TransferLeader, Split,
		SwitchWitness, Election,
	} {
		if kinds[kind] < 3 {
			t.Errorf("%s: %d times", kind, kinds[kind])
		}
	}
	for _, refusal := range []Refusal{
		Accepted, StaleEpoch, AlreadyDone, IsLeader, NoQuorum, InJointState, PeerConflict, NoSuchPeer,
		NoCandidate, Unsupported,
	} {
		if refusals[refusal] < 3 {
			t.Errorf("%q: %d times", refusal, refusals[refusal])
		}
	}
}

// Merging is the way back from splitting, whichever neighbour takes over: the range and the size
// are as before, and both epochs are left behind.
func TestMergeUndoesSplit(t *testing.T) {
	for seed := range int64(100) {
		random := rand.New(rand.NewSource(seed))
		whole := between("a", "z")
		whole.Epoch = Epoch{ConfVer: uint64(1 + random.Intn(9)), Version: uint64(1 + random.Intn(9))}
		key := []byte{byte('b' + random.Intn(20)), byte(random.Intn(256))}
		split, refusal := whole.SplitAt(whole.Epoch, [][]byte{key}, splitIDs(200))
		if refusal != Accepted {
			t.Fatal(refusal)
		}
		source, target := split.Created[0], split.Next
		if random.Intn(2) == 0 {
			source, target = target, source
		}
		merged, refusal := source.MergeInto(source.Epoch, target.Meta(), target, viewOf())
		if refusal != Accepted {
			t.Fatalf("seed %d: %q", seed, refusal)
		}
		next := merged.Next
		if !sameRange(next, whole) || next.SizeMB != whole.SizeMB || next.Keys != whole.Keys {
			t.Fatalf("seed %d: %+v became %+v", seed, whole, next)
		}
		if next.ID != target.ID || merged.Gone != source.ID || next.Leader != target.Leader {
			t.Fatalf("seed %d: the target must stay: %+v", seed, merged)
		}
		if next.Epoch.Version <= source.Epoch.Version || next.Epoch.Version <= target.Epoch.Version {
			t.Fatalf("seed %d: PD would call it stale: %+v", seed, next.Epoch)
		}
	}
}

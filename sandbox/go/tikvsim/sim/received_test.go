package sim

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/eraftpb"
	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/pdlink"
	"assent.tikv.org/sandbox/tikvsim/region"
)

// Every command that reached a store is remembered with what came of it, also the repeats.
func TestReceivedCommands(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	epoch := r.Epoch
	order := addLearner(r, 9001, outsider(r))
	b.execute(1, order, noon)
	b.execute(1, order, noon)
	b.execute(2, order, noon)
	split := command(b.ledBy(3))
	split.SplitRegion = &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_SCAN}
	b.execute(3, split, noon)
	got := b.received.since(0, 0)
	want := []Received{
		{1, noon, 1, r.ID, "change_peer_v2", epoch, "done"},
		{2, noon, 1, r.ID, "change_peer_v2", epoch, "stale_epoch"},
		{3, noon, 2, r.ID, "change_peer_v2", epoch, "not_leader"},
		{4, noon, 3, split.GetRegionId(), "split_region", region.EpochOf(split.GetRegionEpoch()), "splitting"},
	}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%+v, want %+v", got[i], want[i])
		}
	}
	if late := b.received.since(2, r.ID); len(late) != 1 || late[0].Seq != 3 {
		t.Errorf("after 2, of one region: %+v", late)
	}
}

// A region that PD asks for ever does not fill the memory, and the newest is what stays.
func TestReceivedCommandsAreBounded(t *testing.T) {
	b := newBed(t, 40)
	order := command(b.ledBy(1))
	for range 3 * receivedKept {
		b.received.add(1, order, resultDone, noon)
	}
	kept := b.received.since(0, 0)
	if len(kept) < receivedKept || len(kept) > 2*receivedKept {
		t.Errorf("%d kept", len(kept))
	}
	if kept[len(kept)-1].Seq != 3*receivedKept {
		t.Errorf("the last is %d", kept[len(kept)-1].Seq)
	}
}

// On order a region stays in the joint state: it enters it, and does not leave.
func TestJointRefuse(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	b.execute(1, addLearner(r, 9001, outsider(r)), noon)
	enter := command(r)
	demoted := r.Peers[1]
	enter.ChangePeerV2 = &pdpb.ChangePeerV2{Changes: []*pdpb.ChangePeer{
		{
			ChangeType: eraftpb.ConfChangeType_AddNode,
			Peer:       &metapb.Peer{Id: 9001, StoreId: outsider(&tracked{Region: b.without(r, 9001)})},
		},
		{
			ChangeType: eraftpb.ConfChangeType_AddLearnerNode,
			Peer:       &metapb.Peer{Id: demoted.ID, StoreId: demoted.Store, Role: metapb.PeerRole_Learner},
		},
	}}
	b.settings.JointRefuse = []uint64{r.ID}
	b.execute(1, enter, noon)
	leave := command(r)
	leave.ChangePeerV2 = &pdpb.ChangePeerV2{}
	b.execute(1, leave, noon)
	last := b.received.since(1, 0)
	if len(last) != 2 || last[0].Result != "done" || last[1].Result != "refused_on_order" {
		t.Fatalf("%+v", last)
	}
	b.settings.JointRefuse = nil
	b.execute(1, leave, noon)
	if last = b.received.since(3, 0); last[0].Result != "done" {
		t.Errorf("%+v", last)
	}
}

// without gives the region as it was before a peer was added.
func (b *bed) without(r *tracked, peer uint64) region.Region {
	before := r.Region
	before.Peers = nil
	for _, one := range r.Peers {
		if one.ID != peer {
			before.Peers = append(before.Peers, one)
		}
	}
	return before
}

func TestCommandsAndAddressesOverTheControlAPI(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(1)
	b.execute(1, addLearner(r, 9001, outsider(r)), noon)
	run, end := context.WithCancel(context.Background())
	end() // a started store must not speak to a PD that is not there
	simulation := New(b.World, pdlink.New(nil, nil, b.log), Config{StoreBeat: time.Hour}, b.log)
	simulation.metas[2] = &metapb.Store{Id: 2, Address: "old:1"}
	control := simulation.Control(run, func() {})
	ask := func(method, path, body string) (int, string) {
		answer := httptest.NewRecorder()
		request := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
		control.ServeHTTP(answer, request)
		return answer.Code, answer.Body.String()
	}
	_, text := ask("GET", "/commands", "")
	var lines []Received
	if err := json.Unmarshal([]byte(text), &lines); err != nil || len(lines) != 1 || lines[0].Region != r.ID {
		t.Errorf("%v %s", err, text)
	}
	if _, text = ask("GET", "/commands?after=1", ""); strings.TrimSpace(text) != "[]" {
		t.Errorf("after the last: %s", text)
	}
	if status, _ := ask("GET", "/commands?region=x", ""); status != 400 {
		t.Errorf("a region that is no number: %d", status)
	}
	if status, _ := ask("POST", "/stores/2/slow", `{"address":"new:1"}`); status != 400 {
		t.Errorf("an address without a start: %d", status)
	}
	ask("POST", "/stores/2/stop", "")
	if _, text = ask("POST", "/stores/2/start", `{"address":"new:1"}`); !strings.Contains(text, `"address":"new:1"`) {
		t.Errorf("%s", text)
	}
	if simulation.metas[2].GetAddress() != "new:1" {
		t.Errorf("PD would be told %s", simulation.metas[2].GetAddress())
	}
}

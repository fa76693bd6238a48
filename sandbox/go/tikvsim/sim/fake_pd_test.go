package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"
	"google.golang.org/grpc"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/pdlink"
)

const clusterID = 42

// fakePD is the other side of the protocol: it gives ids, remembers what it is told, and sends what
// a test wants sent. What PD does with all that is livetest's business.
type fakePD struct {
	pdpb.UnimplementedPDServer
	url string

	mu           sync.Mutex
	bootstrapped bool
	lastID       uint64
	puts         []*metapb.Store
	stores       map[uint64]*metapb.Store
	regions      map[uint64]*pdpb.Region
	terms        map[uint64]uint64
	storeBeats   map[uint64][]*pdpb.StoreStats
	streams      map[uint64]pdpb.PD_RegionHeartbeatServer
	reported     [][]*metapb.Region
	calls        map[string]int
	// buried stores are refused as tombstones, refusals answer a call by name in a header.
	buried   map[uint64]bool
	refusals map[string][]*pdpb.Error
}

func newFakePD(t *testing.T) *fakePD {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	pd := &fakePD{
		url:    "http://" + listener.Addr().String(),
		stores: make(map[uint64]*metapb.Store), regions: make(map[uint64]*pdpb.Region),
		terms: make(map[uint64]uint64), storeBeats: make(map[uint64][]*pdpb.StoreStats),
		streams: make(map[uint64]pdpb.PD_RegionHeartbeatServer), calls: make(map[string]int),
		buried: make(map[uint64]bool), refusals: make(map[string][]*pdpb.Error),
	}
	server := grpc.NewServer()
	pdpb.RegisterPDServer(server, pd)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return pd
}

// header counts a call and gives the refusal that a test ordered for it, each once.
func (pd *fakePD) header(call string) *pdpb.ResponseHeader {
	pd.calls[call]++
	header := &pdpb.ResponseHeader{ClusterId: clusterID}
	if waiting := pd.refusals[call]; len(waiting) > 0 {
		header.Error, pd.refusals[call] = waiting[0], waiting[1:]
	}
	return header
}

func (pd *fakePD) refuse(call string, kinds ...pdpb.ErrorType) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	for _, kind := range kinds {
		pd.refusals[call] = append(pd.refusals[call], &pdpb.Error{Type: kind, Message: "as ordered"})
	}
}

func (pd *fakePD) GetMembers(context.Context, *pdpb.GetMembersRequest) (*pdpb.GetMembersResponse, error) {
	self := &pdpb.Member{ClientUrls: []string{pd.url}}
	return &pdpb.GetMembersResponse{
		Header: &pdpb.ResponseHeader{ClusterId: clusterID}, Leader: self, Members: []*pdpb.Member{self},
	}, nil
}

func (pd *fakePD) IsBootstrapped(context.Context, *pdpb.IsBootstrappedRequest) (*pdpb.IsBootstrappedResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return &pdpb.IsBootstrappedResponse{
		Header: pd.header("IsBootstrapped"), Bootstrapped: pd.bootstrapped,
	}, nil
}

func (pd *fakePD) Bootstrap(_ context.Context, q *pdpb.BootstrapRequest) (*pdpb.BootstrapResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	header := pd.header("Bootstrap")
	if header.Error == nil {
		pd.bootstrapped = true
		pd.stores[q.GetStore().GetId()] = q.GetStore()
		pd.regions[q.GetRegion().GetId()] = &pdpb.Region{Region: q.GetRegion()}
	}
	return &pdpb.BootstrapResponse{Header: header}, nil
}

func (pd *fakePD) AllocID(context.Context, *pdpb.AllocIDRequest) (*pdpb.AllocIDResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	pd.lastID++
	return &pdpb.AllocIDResponse{Header: pd.header("AllocID"), Id: pd.lastID}, nil
}

func (pd *fakePD) AskBatchSplit(_ context.Context, q *pdpb.AskBatchSplitRequest) (*pdpb.AskBatchSplitResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	answer := &pdpb.AskBatchSplitResponse{Header: pd.header("AskBatchSplit")}
	for range q.GetSplitCount() {
		pd.lastID++
		split := &pdpb.SplitID{NewRegionId: pd.lastID}
		for range q.GetRegion().GetPeers() {
			pd.lastID++
			split.NewPeerIds = append(split.NewPeerIds, pd.lastID)
		}
		answer.Ids = append(answer.Ids, split)
	}
	return answer, nil
}

func (pd *fakePD) ReportBatchSplit(_ context.Context, q *pdpb.ReportBatchSplitRequest) (*pdpb.ReportBatchSplitResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	pd.reported = append(pd.reported, q.GetRegions())
	return &pdpb.ReportBatchSplitResponse{Header: pd.header("ReportBatchSplit")}, nil
}

func (pd *fakePD) PutStore(_ context.Context, q *pdpb.PutStoreRequest) (*pdpb.PutStoreResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	header := pd.header("PutStore")
	if pd.buried[q.GetStore().GetId()] {
		header.Error = &pdpb.Error{Type: pdpb.ErrorType_STORE_TOMBSTONE, Message: "it is buried"}
	} else {
		pd.puts = append(pd.puts, q.GetStore())
		pd.stores[q.GetStore().GetId()] = q.GetStore()
	}
	return &pdpb.PutStoreResponse{Header: header}, nil
}

func (pd *fakePD) GetAllStores(_ context.Context, q *pdpb.GetAllStoresRequest) (*pdpb.GetAllStoresResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	answer := &pdpb.GetAllStoresResponse{Header: pd.header("GetAllStores")}
	for id, store := range pd.stores {
		if !q.GetExcludeTombstoneStores() || !pd.buried[id] {
			answer.Stores = append(answer.Stores, store)
		}
	}
	return answer, nil
}

func (pd *fakePD) StoreHeartbeat(_ context.Context, q *pdpb.StoreHeartbeatRequest) (*pdpb.StoreHeartbeatResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	header := pd.header("StoreHeartbeat")
	id := q.GetStats().GetStoreId()
	if pd.buried[id] {
		header.Error = &pdpb.Error{Type: pdpb.ErrorType_STORE_TOMBSTONE, Message: "it is buried"}
	} else {
		pd.storeBeats[id] = append(pd.storeBeats[id], q.GetStats())
	}
	return &pdpb.StoreHeartbeatResponse{Header: header}, nil
}

// ScanRegions gives pages of three, so that every scan turns pages.
func (pd *fakePD) ScanRegions(_ context.Context, q *pdpb.ScanRegionsRequest) (*pdpb.ScanRegionsResponse, error) {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	all := make([]*pdpb.Region, 0, len(pd.regions))
	for _, known := range pd.regions {
		if string(known.GetRegion().GetStartKey()) >= string(q.GetStartKey()) {
			all = append(all, known)
		}
	}
	slices.SortFunc(all, func(a, b *pdpb.Region) int {
		return slices.Compare(a.GetRegion().GetStartKey(), b.GetRegion().GetStartKey())
	})
	return &pdpb.ScanRegionsResponse{
		Header: pd.header("ScanRegions"), Regions: all[:min(3, len(all))],
	}, nil
}

func (pd *fakePD) RegionHeartbeat(stream pdpb.PD_RegionHeartbeatServer) error {
	for {
		beat, err := stream.Recv()
		if err != nil {
			return nil
		}
		pd.mu.Lock()
		pd.regions[beat.GetRegion().GetId()] = &pdpb.Region{
			Region: beat.GetRegion(), Leader: beat.GetLeader(),
		}
		pd.terms[beat.GetRegion().GetId()] = beat.GetTerm()
		pd.calls["beat"]++
		pd.streams[beat.GetLeader().GetStoreId()] = stream
		pd.mu.Unlock()
	}
}

// command sends a command to the store that last spoke for its region's leader.
func (pd *fakePD) command(t *testing.T, store uint64, order *pdpb.RegionHeartbeatResponse) {
	t.Helper()
	pd.mu.Lock()
	stream := pd.streams[store]
	pd.mu.Unlock()
	if stream == nil {
		t.Fatalf("store %d never spoke", store)
	}
	if order.Header == nil {
		order.Header = &pdpb.ResponseHeader{ClusterId: clusterID}
	}
	if err := stream.Send(order); err != nil {
		t.Fatal(err)
	}
}

// region gives what PD was last told of a region.
func (pd *fakePD) region(id uint64) *pdpb.Region {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return pd.regions[id]
}

func (pd *fakePD) count(call string) int {
	pd.mu.Lock()
	defer pd.mu.Unlock()
	return pd.calls[call]
}

// troupe is a whole simulation that runs against the fake PD.
type troupe struct {
	*Simulation
	pd    *fakePD
	run   context.Context
	ended chan error
	leave context.CancelFunc
}

// perform starts a simulation and gives it once PD knows everything, or once it failed to join.
func perform(t *testing.T, pd *fakePD, layout Layout) (*troupe, error) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	effects, err := effect.Open("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	link := pdlink.New([]string{pd.url}, nil, log)
	world := NewWorld(effects, log, time.Minute, 0, link.LeaderURL, func(err error) { t.Error(err) })
	config := Config{
		Layout: layout, Version: "8.1.0", StoreBeat: 20 * time.Millisecond,
		Address: func(place int) string { return fmt.Sprintf("tikv-%d:20160", place) },
		Labels: func(place int) []*metapb.StoreLabel {
			return []*metapb.StoreLabel{{Key: "host", Value: fmt.Sprintf("host-%d", place)}}
		},
	}
	on := &troupe{
		Simulation: New(world, link, config, log), pd: pd, run: ctx,
		ended: make(chan error, 1), leave: cancel,
	}
	linked := make(chan struct{})
	go func() {
		defer close(linked)
		link.Run(ctx)
	}()
	ready := make(chan struct{})
	go func() { on.ended <- on.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() {
		cancel()
		<-linked
	})
	select {
	case <-ready:
		return on, nil
	case err := <-on.ended:
		return on, err
	}
}

func waitFor(t *testing.T, fact string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 10 s: " + fact)
		}
	}
}

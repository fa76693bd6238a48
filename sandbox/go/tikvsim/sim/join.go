package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/pdlink"
	"assent.tikv.org/sandbox/tikvsim/region"
)

const (
	idsPerCall = 5_000
	scanLimit  = 5_000
)

// join bootstraps a fresh PD with the configured layout, or takes over what a bootstrapped one
// already knows.
func (s *Simulation) join(ctx context.Context) error {
	answer, err := call(ctx, s.link, callTimeout,
		func(ctx context.Context, reign *pdlink.Reign) (*pdpb.IsBootstrappedResponse, error) {
			return reign.Client.IsBootstrapped(ctx, &pdpb.IsBootstrappedRequest{
				Header: reign.Header(),
			})
		})
	if err != nil {
		return fmt.Errorf("ask whether PD is bootstrapped: %w", err)
	}
	if answer.GetBootstrapped() {
		return s.adopt(ctx)
	}
	return s.bootstrap(ctx)
}

func (s *Simulation) bootstrap(ctx context.Context) error {
	layout := s.config.Layout
	first, err := s.allocate(ctx, layout.Stores+2)
	if err != nil {
		return err
	}
	stores, regionID, peerID := first[:layout.Stores], first[layout.Stores], first[layout.Stores+1]
	for place, id := range stores {
		s.metas[id] = &metapb.Store{
			Id: id, Address: s.config.Address(place), Version: s.config.Version,
			Labels: s.config.Labels(place), DeployPath: "/tikv",
		}
	}
	whole := &metapb.Region{
		Id:          regionID,
		RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
		Peers:       []*metapb.Peer{{Id: peerID, StoreId: stores[0]}},
	}
	if _, err := call(ctx, s.link, callTimeout,
		func(ctx context.Context, reign *pdlink.Reign) (*pdpb.BootstrapResponse, error) {
			return reign.Client.Bootstrap(ctx, &pdpb.BootstrapRequest{
				Header: reign.Header(), Store: s.metas[stores[0]], Region: whole,
			})
		}); err != nil {
		return fmt.Errorf("bootstrap: %w", err)
	}
	for _, id := range stores {
		if _, err := s.putStore(ctx, id); err != nil {
			return fmt.Errorf("put store %d: %w", id, err)
		}
	}
	rest, err := s.allocateBulk(ctx, whole, layout.idCount()-2)
	if err != nil {
		return err
	}
	now := time.Now()
	for place, id := range stores {
		s.world.AddStore(id, s.config.Address(place), now)
	}
	for _, r := range layout.build(stores, append([]uint64{regionID, peerID}, rest...), term(now)) {
		s.world.AddRegion(r, now)
	}
	return nil
}

func (s *Simulation) allocate(ctx context.Context, count int) ([]uint64, error) {
	ids := make([]uint64, 0, count)
	for range count {
		answer, err := call(ctx, s.link, callTimeout,
			func(ctx context.Context, reign *pdlink.Reign) (*pdpb.AllocIDResponse, error) {
				return reign.Client.AllocID(ctx, &pdpb.AllocIDRequest{Header: reign.Header()})
			})
		if err != nil {
			return nil, fmt.Errorf("allocate an id: %w", err)
		}
		ids = append(ids, answer.GetId())
	}
	return ids, nil
}

// allocateBulk gets thousands of ids in one call. AllocID of this protocol gives one at a time, so
// it asks for the ids of a split whose region has as many peers as ids are wanted. PD refuses
// that while scheduling is halted; then it takes them one by one.
func (s *Simulation) allocateBulk(ctx context.Context, whole *metapb.Region, count int) ([]uint64, error) {
	ids := make([]uint64, 0, count)
	for len(ids) < count {
		wanted := min(count-len(ids), idsPerCall)
		ask := *whole
		ask.Peers = slices.Repeat([]*metapb.Peer{{}}, wanted-1)
		answer, err := call(ctx, s.link, bulkTimeout,
			func(ctx context.Context, reign *pdlink.Reign) (*pdpb.AskBatchSplitResponse, error) {
				return reign.Client.AskBatchSplit(ctx, &pdpb.AskBatchSplitRequest{
					Header: reign.Header(), Region: &ask, SplitCount: 1,
				})
			})
		if errors.As(err, new(errPD)) {
			s.log.Warn("no ids in bulk, taking them one by one", "error", err)
			rest, err := s.allocate(ctx, count-len(ids))
			return append(ids, rest...), err
		}
		if err != nil {
			return nil, fmt.Errorf("allocate ids: %w", err)
		}
		for _, split := range answer.GetIds() {
			ids = append(append(ids, split.GetNewRegionId()), split.GetNewPeerIds()...)
		}
	}
	return ids, nil
}

// adopt takes over the stores and regions that PD remembers, as after a restart of this program.
func (s *Simulation) adopt(ctx context.Context) error {
	stores, err := call(ctx, s.link, callTimeout,
		func(ctx context.Context, reign *pdlink.Reign) (*pdpb.GetAllStoresResponse, error) {
			return reign.Client.GetAllStores(ctx, &pdpb.GetAllStoresRequest{
				Header: reign.Header(), ExcludeTombstoneStores: true,
			})
		})
	if err != nil {
		return fmt.Errorf("read PD's stores: %w", err)
	}
	now := time.Now()
	for _, meta := range stores.GetStores() {
		meta.LastHeartbeat = 0
		s.metas[meta.GetId()] = meta
		s.world.AddStore(meta.GetId(), meta.GetAddress(), now)
	}
	layout := s.config.Layout
	return s.scan(ctx, func(known *pdpb.Region) {
		s.world.AddRegion(adopted(known, layout.SizeMB, layout.Keys, term(now)), now)
	})
}

// scan visits every region that PD knows, in order of keys.
func (s *Simulation) scan(ctx context.Context, visit func(*pdpb.Region)) error {
	start := []byte{}
	for {
		answer, err := call(ctx, s.link, bulkTimeout,
			func(ctx context.Context, reign *pdlink.Reign) (*pdpb.ScanRegionsResponse, error) {
				return reign.Client.ScanRegions(ctx, &pdpb.ScanRegionsRequest{
					Header: reign.Header(), StartKey: start, Limit: scanLimit,
				})
			})
		if err != nil {
			return fmt.Errorf("read PD's regions: %w", err)
		}
		for _, known := range answer.GetRegions() {
			visit(known)
			start = known.GetRegion().GetEndKey()
		}
		if len(start) == 0 || len(answer.GetRegions()) == 0 {
			return nil
		}
	}
}

// waitUntilKnown returns when PD has every region as its leader reported it.
func (s *Simulation) waitUntilKnown(ctx context.Context) error {
	for {
		waiting, allSent := s.world.expected()
		if allSent {
			if err := s.scan(ctx, func(known *pdpb.Region) {
				meta := known.GetRegion()
				if known.GetLeader().GetId() != 0 &&
					region.EpochOf(meta.GetRegionEpoch()) == waiting[meta.GetId()] {
					delete(waiting, meta.GetId())
				}
			}); err != nil {
				return err
			}
			if len(waiting) == 0 {
				return nil
			}
		}
		if !wait(ctx, retryPause) {
			return ctx.Err()
		}
	}
}

package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/pdlink"
)

// Config says how the stores behave towards PD.
type Config struct {
	Layout    Layout
	Version   string
	StoreBeat time.Duration
	// Address gives a store's address by its place, 0 for the first.
	Address func(place int) string
	Labels  func(place int) []*metapb.StoreLabel
}

// Simulation runs the stores of a World against PD.
type Simulation struct {
	world  *World
	link   *pdlink.Link
	config Config
	log    *slog.Logger

	mu      sync.Mutex
	running map[uint64]context.CancelFunc
	metas   map[uint64]*metapb.Store
	ready   bool
}

// New gives a simulation that does nothing until Run.
func New(world *World, link *pdlink.Link, config Config, log *slog.Logger) *Simulation {
	return &Simulation{
		world: world, link: link, config: config, log: log,
		running: make(map[uint64]context.CancelFunc),
		metas:   make(map[uint64]*metapb.Store),
	}
}

const (
	retryPause  = 200 * time.Millisecond
	callTimeout = 5 * time.Second
	// The first ids are asked for in one piece; PD takes a while over thousands.
	bulkTimeout = time.Minute
)

// errPD is an error that PD put in a reply's header.
type errPD struct{ inner *pdpb.Error }

func (e errPD) Error() string {
	return fmt.Sprintf("PD: %s: %s", e.inner.GetType(), e.inner.GetMessage())
}

type reply interface{ GetHeader() *pdpb.ResponseHeader }

// call asks PD's leader until it answers, through leader changes. An error PD names is final,
// except those that mean "not now".
func call[T reply](
	ctx context.Context, link *pdlink.Link, timeout time.Duration,
	ask func(ctx context.Context, reign *pdlink.Reign) (T, error),
) (T, error) {
	for {
		reign, err := link.Current(ctx)
		if err != nil {
			var none T
			return none, err
		}
		askCtx, cancel := context.WithTimeout(ctx, timeout)
		answer, err := ask(askCtx, reign)
		cancel()
		if err == nil {
			failure := answer.GetHeader().GetError()
			if failure == nil {
				return answer, nil
			}
			if failure.GetType() != pdpb.ErrorType_NOT_BOOTSTRAPPED {
				return answer, errPD{failure}
			}
		}
		if !wait(ctx, retryPause) {
			return answer, errors.Join(ctx.Err(), err)
		}
	}
}

func wait(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Run joins PD, starts the stores, calls ready once PD knows everything, and goes on until ctx
// ends. The error is why it could not join.
func (s *Simulation) Run(ctx context.Context, ready func()) error {
	if err := s.join(ctx); err != nil {
		return err
	}
	for _, id := range s.world.storeIDs() {
		s.launch(ctx, id)
	}
	go s.beatPeriodically(ctx)
	if err := s.waitUntilKnown(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	s.ready = true
	s.mu.Unlock()
	ready()
	<-ctx.Done()
	return nil
}

func (s *Simulation) beatPeriodically(ctx context.Context) {
	for wait(ctx, tick) {
		s.world.Tick()
	}
}

// launch starts a store's two conversations with PD.
func (s *Simulation) launch(ctx context.Context, id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, already := s.running[id]; already {
		return
	}
	storeCtx, cancel := context.WithCancel(ctx)
	s.running[id] = cancel
	go s.beatStore(storeCtx, id)
	go s.streamRegions(storeCtx, id)
}

func (s *Simulation) halt(id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel, running := s.running[id]; running {
		cancel()
		delete(s.running, id)
	}
}

// beatStore puts the store and then sends its heartbeats until ctx ends or PD buried the store.
func (s *Simulation) beatStore(ctx context.Context, id uint64) {
	if _, err := s.putStore(ctx, id); err != nil {
		s.storeRefused(ctx, id, err)
		return
	}
	for {
		started := time.Now()
		_, err := call(ctx, s.link, callTimeout,
			func(ctx context.Context, reign *pdlink.Reign) (*pdpb.StoreHeartbeatResponse, error) {
				return reign.Client.StoreHeartbeat(ctx, &pdpb.StoreHeartbeatRequest{
					Header: reign.Header(), Stats: s.world.storeBeat(id, time.Now()),
				})
			})
		if err != nil && s.storeRefused(ctx, id, err) {
			return
		}
		if !wait(ctx, s.config.StoreBeat-time.Since(started)) {
			return
		}
	}
}

// storeRefused notes a store's burial; true means that its heartbeats must end.
func (s *Simulation) storeRefused(ctx context.Context, id uint64, err error) bool {
	var refused errPD
	if errors.As(err, &refused) && refused.inner.GetType() == pdpb.ErrorType_STORE_TOMBSTONE {
		s.log.Info("PD buried the store", "store", id)
		s.world.bury(id)
		s.halt(id)
		return true
	}
	if ctx.Err() == nil {
		s.log.Warn("PD refused a store", "store", id, "error", err)
	}
	return ctx.Err() != nil
}

func (s *Simulation) putStore(ctx context.Context, id uint64) (*pdpb.PutStoreResponse, error) {
	s.mu.Lock()
	meta := *s.metas[id]
	s.mu.Unlock()
	meta.StartTimestamp = time.Now().Unix()
	return call(ctx, s.link, callTimeout,
		func(ctx context.Context, reign *pdlink.Reign) (*pdpb.PutStoreResponse, error) {
			return reign.Client.PutStore(ctx, &pdpb.PutStoreRequest{
				Header: reign.Header(), Store: &meta,
			})
		})
}

package sim

import (
	"context"
	"errors"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/pdlink"
)

// streamRegions keeps one region heartbeat stream of a store open, on whichever member leads. PD
// sends commands to the last stream that the store's leaders spoke on (P42).
func (s *Simulation) streamRegions(ctx context.Context, id uint64) {
	for ctx.Err() == nil {
		reign, err := s.link.Current(ctx)
		if err != nil {
			return
		}
		if err := s.converse(ctx, reign, id); err != nil && ctx.Err() == nil {
			s.log.Warn("region heartbeat stream ended", "store", id, "error", err)
		}
		wait(ctx, retryPause)
	}
}

// converse sends heartbeats and takes commands until the stream, the reign or ctx ends.
func (s *Simulation) converse(ctx context.Context, reign *pdlink.Reign, id uint64) error {
	streamCtx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer context.AfterFunc(reign.Context, func() { end(errors.New("the leader changed")) })()
	stream, err := reign.Client.RegionHeartbeat(streamCtx)
	if err != nil {
		return err
	}
	go s.receive(ctx, stream, id, end)
	s.world.reportAll(id)
	wake := s.world.wakeOf(id)
	for {
		for {
			beat := s.world.nextBeat(id, reign.Header(), time.Now())
			if beat == nil {
				break
			}
			if err := stream.Send(beat); err != nil {
				<-streamCtx.Done()
				return context.Cause(streamCtx)
			}
		}
		select {
		case <-streamCtx.Done():
			return context.Cause(streamCtx)
		case <-wake:
		}
	}
}

func (s *Simulation) receive(
	ctx context.Context, stream pdpb.PD_RegionHeartbeatClient, id uint64,
	end context.CancelCauseFunc,
) {
	for {
		command, err := stream.Recv()
		if err != nil {
			end(err)
			return
		}
		if failure := command.GetHeader().GetError(); failure != nil {
			s.world.complain(failure)
			if failure.GetType() == pdpb.ErrorType_NOT_BOOTSTRAPPED {
				end(errPD{failure})
				return
			}
			continue
		}
		if command.GetRegionId() == 0 || commandName(command) == "" {
			continue
		}
		if delay, wave := s.world.delayCommand(); delay > 0 {
			time.AfterFunc(delay, func() {
				if s.world.due(wave) {
					s.execute(ctx, id, command)
				}
			})
			continue
		}
		s.execute(ctx, id, command)
	}
}

func (s *Simulation) execute(ctx context.Context, id uint64, command *pdpb.RegionHeartbeatResponse) {
	if ask := s.world.execute(id, command, time.Now()); ask != nil {
		go s.split(ctx, ask)
	}
}

// split gets ids for the new regions, cuts, and reports the parts. PD refuses ids while scheduling
// is halted; the region then stays whole and PD asks again.
func (s *Simulation) split(ctx context.Context, ask *splitAsk) {
	answer, err := call(ctx, s.link, callTimeout,
		func(ctx context.Context, reign *pdlink.Reign) (*pdpb.AskBatchSplitResponse, error) {
			return reign.Client.AskBatchSplit(ctx, &pdpb.AskBatchSplitRequest{
				Header: reign.Header(), Region: ask.meta, SplitCount: uint32(len(ask.keys)),
			})
		})
	if err != nil {
		s.log.Warn("PD gave no ids for a split", "region", ask.meta.GetId(), "error", err)
		s.world.completeSplit(ask, nil, time.Now())
		return
	}
	parts := s.world.completeSplit(ask, answer.GetIds(), time.Now())
	if len(parts) == 0 {
		return
	}
	if err := s.reportSplit(ctx, parts); err != nil {
		s.log.Warn("PD did not take the report of a split", "error", err)
	}
}

func (s *Simulation) reportSplit(ctx context.Context, parts []*metapb.Region) error {
	_, err := call(ctx, s.link, callTimeout,
		func(ctx context.Context, reign *pdlink.Reign) (*pdpb.ReportBatchSplitResponse, error) {
			return reign.Client.ReportBatchSplit(ctx, &pdpb.ReportBatchSplitRequest{
				Header: reign.Header(), Regions: parts,
			})
		})
	return err
}

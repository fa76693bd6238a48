package sim

import (
	"slices"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"
	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/region"
)

// Reasons for which the simulation itself does nothing with a command.
const (
	noSuchRegion  region.Refusal = "no_such_region"
	notLeader     region.Refusal = "not_leader"
	storeHung     region.Refusal = "store_hung"
	storeStopped  region.Refusal = "store_stopped"
	orderedRefuse region.Refusal = "refused_on_order"
	splitRunning  region.Refusal = "split_running"
)

// splitAsk is a split that was decided and waits for ids from PD.
type splitAsk struct {
	meta  *metapb.Region
	epoch region.Epoch
	keys  [][]byte
}

// execute carries out one command that reached a store. A split still needs ids from PD: it is
// returned, and finished by completeSplit.
func (w *World) execute(storeID uint64, command *pdpb.RegionHeartbeatResponse, now time.Time) *splitAsk {
	w.mu.Lock()
	defer w.mu.Unlock()
	ask, result, refusal := w.obey(storeID, command, now)
	if refusal != region.Accepted {
		result = string(refusal)
	}
	w.received.add(storeID, command, result, now)
	w.refuse(commandName(command), command.GetRegionId(), refusal)
	return ask
}

func (w *World) obey(storeID uint64, command *pdpb.RegionHeartbeatResponse, now time.Time) (*splitAsk, string, region.Refusal) {
	r, refusal := w.addressee(storeID, command)
	if refusal != region.Accepted {
		return nil, "", refusal
	}
	if command.GetSplitRegion() != nil {
		ask, refusal := w.askSplit(r, command)
		return ask, resultSplitting, refusal
	}
	change, refusal := w.decide(r, command, now)
	if refusal != region.Accepted {
		return nil, "", refusal
	}
	w.carryOut(change, effect.ByPD, now)
	return nil, resultDone, region.Accepted
}

func (w *World) addressee(storeID uint64, command *pdpb.RegionHeartbeatResponse) (*tracked, region.Refusal) {
	at, r := w.stores[storeID], w.regions[command.GetRegionId()]
	switch {
	case !at.up:
		return nil, storeStopped
	case at.hung:
		return nil, storeHung
	case r == nil:
		return nil, noSuchRegion
	case r.LeaderStore() != storeID:
		return nil, notLeader
	}
	return r, region.Accepted
}

func (w *World) decide(r *tracked, command *pdpb.RegionHeartbeatResponse, now time.Time) (region.Change, region.Refusal) {
	asked, view := region.EpochOf(command.GetRegionEpoch()), w.view(now)
	switch {
	case command.GetChangePeer() != nil:
		return r.ChangePeers(asked, []*pdpb.ChangePeer{command.GetChangePeer()}, view)
	case command.GetChangePeerV2() != nil:
		leaving := len(command.GetChangePeerV2().GetChanges()) == 0
		if leaving && slices.Contains(w.settings.JointRefuse, r.ID) {
			return region.Change{}, orderedRefuse
		}
		return r.ChangePeers(asked, command.GetChangePeerV2().GetChanges(), view)
	case command.GetTransferLeader() != nil:
		if slices.Contains(w.settings.TransferRefuse, r.ID) {
			return region.Change{}, orderedRefuse
		}
		return r.TransferLeaderTo(asked, command.GetTransferLeader(), view)
	case command.GetMerge() != nil:
		target := w.regions[command.GetMerge().GetTarget().GetId()]
		if target == nil {
			return region.Change{}, region.TargetNotFound
		}
		return r.MergeInto(asked, command.GetMerge().GetTarget(), target.Region, view)
	case command.GetSwitchWitnesses() != nil:
		return r.SwitchWitnesses(asked, command.GetSwitchWitnesses().GetSwitchWitnesses(), view)
	}
	return region.Change{}, region.Unsupported
}

func (w *World) askSplit(r *tracked, command *pdpb.RegionHeartbeatResponse) (*splitAsk, region.Refusal) {
	if r.splitting {
		return nil, splitRunning
	}
	if !r.Quorum(w.alive) {
		return nil, region.NoQuorum
	}
	keys, refusal := r.SplitKeys(region.EpochOf(command.GetRegionEpoch()), command.GetSplitRegion())
	if refusal != region.Accepted {
		return nil, refusal
	}
	r.splitting = true
	return &splitAsk{meta: r.Meta(), epoch: r.Epoch, keys: keys}, region.Accepted
}

// completeSplit cuts the region with PD's ids and gives all its parts, the old one last. No ids
// mean that PD refused; the region then stays whole.
func (w *World) completeSplit(ask *splitAsk, ids []*pdpb.SplitID, now time.Time) []*metapb.Region {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.regions[ask.meta.GetId()]
	if r == nil {
		return nil
	}
	r.splitting = false
	if len(ids) == 0 {
		return nil
	}
	change, refusal := r.SplitAt(ask.epoch, ask.keys, ids)
	if refusal != region.Accepted {
		w.refuse("split_region", r.ID, refusal)
		return nil
	}
	w.carryOut(change, effect.ByPD, now)
	parts := make([]*metapb.Region, 0, len(change.Created)+1)
	for _, created := range change.Created {
		parts = append(parts, created.Meta())
	}
	return append(parts, change.Next.Meta())
}

func (w *World) refuse(command string, id uint64, refusal region.Refusal) {
	if refusal == region.Accepted {
		return
	}
	w.refusals[command+"/"+string(refusal)]++
	w.log.Debug("command not carried out", "command", command, "region", id, "why", refusal)
}

func commandName(command *pdpb.RegionHeartbeatResponse) string {
	switch {
	case command.GetChangePeer() != nil:
		return "change_peer"
	case command.GetChangePeerV2() != nil:
		return "change_peer_v2"
	case command.GetTransferLeader() != nil:
		return "transfer_leader"
	case command.GetMerge() != nil:
		return "merge"
	case command.GetSplitRegion() != nil:
		return "split_region"
	case command.GetSwitchWitnesses() != nil:
		return "switch_witnesses"
	}
	return ""
}

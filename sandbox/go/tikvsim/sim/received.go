package sim

import (
	"net/http"
	"strconv"
	"time"

	"github.com/pingcap/kvproto/pkg/pdpb"

	"assent.tikv.org/sandbox/tikvsim/region"
)

// Received is one command of PD that reached a store, and what the store made of it.
type Received struct {
	Seq     uint64       `json:"seq"`
	Time    time.Time    `json:"time"`
	Store   uint64       `json:"store"`
	Region  uint64       `json:"region"`
	Command string       `json:"command"`
	Epoch   region.Epoch `json:"epoch"`
	// Result is done, splitting (it waits for ids) or why nothing was done.
	Result string `json:"result"`
}

const (
	resultDone      = "done"
	resultSplitting = "splitting"
	// receivedKept is how many commands are remembered. PD repeats each every few seconds, so the
	// memory of a stuck region must end somewhere.
	receivedKept = 10_000
)

// receivedLog keeps the last commands. The world's lock guards it.
type receivedLog struct {
	lines []Received
	next  uint64
}

func (l *receivedLog) add(
	storeID uint64, command *pdpb.RegionHeartbeatResponse, result string, now time.Time,
) {
	l.next++
	l.lines = append(l.lines, Received{
		Seq: l.next, Time: now.UTC(), Store: storeID, Region: command.GetRegionId(),
		Command: commandName(command), Epoch: region.EpochOf(command.GetRegionEpoch()),
		Result: result,
	})
	if len(l.lines) > 2*receivedKept {
		l.lines = append([]Received(nil), l.lines[len(l.lines)-receivedKept:]...)
	}
}

// since gives the commands after a sequence number, of one region or (0) of all.
func (l *receivedLog) since(after, regionID uint64) []Received {
	found := make([]Received, 0)
	for _, line := range l.lines {
		if line.Seq > after && (regionID == 0 || line.Region == regionID) {
			found = append(found, line)
		}
	}
	return found
}

func (s *Simulation) getCommands(r *http.Request) (any, error) {
	var after, regionID uint64
	for name, target := range map[string]*uint64{"after": &after, "region": &regionID} {
		text := r.URL.Query().Get(name)
		if text == "" {
			continue
		}
		number, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			return nil, badRequest{name + " is not a number"}
		}
		*target = number
	}
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	return s.world.received.since(after, regionID), nil
}

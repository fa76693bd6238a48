// Package effect writes down what the simulated stores really did.
package effect

import (
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"assent.tikv.org/sandbox/tikvsim/region"
)

// Cause says who wanted a change.
type Cause string

// The causes: a command of PD, the death of a leader's store, an order on the control port.
const (
	ByPD       Cause = "pd"
	ByElection Cause = "election"
	ByControl  Cause = "control"
)

// Line is one effect.
type Line struct {
	Time        time.Time         `json:"time"`
	Kind        region.Kind       `json:"kind"`
	Cause       Cause             `json:"cause"`
	Region      uint64            `json:"region"`
	FromStore   uint64            `json:"from_store"`
	ToStore     uint64            `json:"to_store"`
	Peer        uint64            `json:"peer"`
	EpochBefore region.Epoch      `json:"epoch_before"`
	EpochAfter  region.Epoch      `json:"epoch_after"`
	Term        uint64            `json:"term"`
	Roles       map[uint64]string `json:"roles,omitempty"`
	NewRegions  []uint64          `json:"new_regions,omitempty"`
	Source      uint64            `json:"source_region,omitempty"`
	PDLeader    string            `json:"pd_leader"`
}

// From spells a change as a line. A merge is the target's line, the source is named in it.
func From(change region.Change, cause Cause, now time.Time, pdLeader string) Line {
	line := Line{
		Time: now.UTC(), Kind: change.Kind, Cause: cause, Region: change.Next.ID,
		FromStore: change.From, ToStore: change.To, Peer: change.Peer,
		EpochBefore: change.Before, EpochAfter: change.Next.Epoch, Term: change.Next.Term,
		Roles: change.Roles, Source: change.Gone, PDLeader: pdLeader,
	}
	for _, created := range change.Created {
		line.NewRegions = append(line.NewRegions, created.ID)
	}
	return line
}

// Log appends effects to a file, one JSON object a line, each in one write.
type Log struct {
	mu     sync.Mutex
	file   *os.File
	counts map[string]uint64
}

// Open appends to path; an empty path keeps only the counts.
func Open(path string) (*Log, error) {
	log := &Log{counts: make(map[string]uint64)}
	if path == "" {
		return log, nil
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the effect log: %w", err)
	}
	log.file = file
	return log, nil
}

// Append writes one effect. A failing write is an error, because tests count these lines.
func (l *Log) Append(line Line) error {
	encoded, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode an effect: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[string(line.Cause)+"/"+string(line.Kind)]++
	if l.file == nil {
		return nil
	}
	if _, err := l.file.Write(append(encoded, '\n')); err != nil {
		return fmt.Errorf("write an effect: %w", err)
	}
	return nil
}

// Counts gives how many effects there were, by "cause/kind".
func (l *Log) Counts() map[string]uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	counts := make(map[string]uint64, len(l.counts))
	for key, count := range l.counts {
		counts[key] = count
	}
	return counts
}

// Close ends the log.
func (l *Log) Close() error {
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// Package proxy is a journaling proxy in front of one PD member: it passes everything, writes one
// line for each HTTP/1 request, and breaks requests on order.
package proxy

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

// Entry is one line of the journal.
type Entry struct {
	// Time is when the line was written: when PD's answer was complete, before the caller got it.
	Time   time.Time `json:"time"`
	Method string    `json:"method"`
	// Path has the query.
	Path string `json:"path"`
	// Body has at most BodyLimit bytes of the request's.
	Body string `json:"body"`
	// Status is what the caller was sent, 0 when it was sent no answer.
	Status int `json:"status"`
	// PDStatus is what PD answered, 0 when it was not asked or did not answer.
	PDStatus int `json:"pd_status"`
	// Redirector names the follower that forwarded the request, empty for a direct one.
	Redirector string    `json:"redirector"`
	Caller     string    `json:"caller"`
	Started    time.Time `json:"started"`
	Finished   time.Time `json:"finished"`
	// Fault is the action that was applied, empty for none.
	Fault string `json:"fault"`
}

// BodyLimit is how much of a request's body the journal keeps.
const BodyLimit = 64 << 10

// Journal appends entries to a file, each in one write.
type Journal struct {
	mu     sync.Mutex
	file   io.WriteCloser
	fatal  func(error)
	number uint64
}

// OpenJournal appends to path. fatal is called when a line cannot be written, because tests count
// these lines.
func OpenJournal(path string, fatal func(error)) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	return &Journal{file: file, fatal: fatal}, nil
}

// Append writes one line.
func (j *Journal) Append(entry Entry) {
	encoded, err := json.Marshal(entry)
	if err != nil {
		j.fatal(fmt.Errorf("encode a journal line: %w", err))
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.number++
	if _, err := j.file.Write(append(encoded, '\n')); err != nil {
		j.fatal(fmt.Errorf("write a journal line: %w", err))
	}
}

// Lines gives how many lines this process wrote.
func (j *Journal) Lines() uint64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.number
}

// Close ends the journal.
func (j *Journal) Close() error { return j.file.Close() }

// head keeps the first BodyLimit bytes that are read through it.
type head struct {
	io.ReadCloser
	kept []byte
}

func (h *head) Read(into []byte) (int, error) {
	n, err := h.ReadCloser.Read(into)
	if room := BodyLimit - len(h.kept); room > 0 {
		h.kept = append(h.kept, into[:min(n, room)]...)
	}
	return n, err
}

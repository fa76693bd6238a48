package proxy

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// broken is a disk that is full.
type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }
func (b broken) Close() error              { return nil }

// A line that cannot be written ends the program: a journal with a gap would prove what is not so.
func TestALineThatCannotBeWrittenIsFatal(t *testing.T) {
	full := errors.New("no space left")
	var fatal []error
	journal := &Journal{file: broken{full}, fatal: func(err error) { fatal = append(fatal, err) }}
	journal.Append(Entry{Path: "/a"})
	if len(fatal) != 1 || !errors.Is(fatal[0], full) {
		t.Errorf("%v", fatal)
	}
}

// So does one that JSON cannot spell.
func TestALineThatCannotBeSpelledIsFatal(t *testing.T) {
	var fatal []error
	journal := &Journal{file: broken{nil}, fatal: func(err error) { fatal = append(fatal, err) }}
	journal.Append(Entry{Started: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)})
	if len(fatal) != 1 || journal.Lines() != 0 {
		t.Errorf("%v, %d lines", fatal, journal.Lines())
	}
}

// A journal goes on where the proxy before it ended.
func TestAJournalIsAppended(t *testing.T) {
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	for run := range 2 {
		journal, err := OpenJournal(r.journal, func(err error) { t.Error(err) })
		if err != nil {
			t.Fatal(err)
		}
		journal.Append(Entry{Path: "/a"})
		if err := journal.Close(); err != nil || journal.Lines() != 1 {
			t.Errorf("run %d: %d lines, %v", run, journal.Lines(), err)
		}
	}
	r.entries(2)
	if _, err := OpenJournal(filepath.Join(r.journal, "not", "a", "folder"), nil); err == nil {
		t.Error("a journal that cannot be opened")
	}
}

// Whatever a caller sends as its body, the line is one line of JSON.
func TestABodyCannotBreakItsLine(t *testing.T) {
	r := newRig(t, echo)
	for _, body := range []string{"two\nlines\r\n", `"},{"`, "\x00\xff\xfe", "</script>\u2028"} {
		if _, _, err := r.do("POST", "/", body); err != nil {
			t.Fatal(err)
		}
	}
	if lines := r.entries(4); lines[0].Body != "two\nlines\r\n" || lines[1].Body != `"},{"` {
		t.Errorf("%+v", lines)
	}
}

// Only the beginning of a body is kept, however it comes in pieces, and nothing of it is lost.
func TestTheHeadOfABodyIsKept(t *testing.T) {
	whole := strings.Repeat("0123456789", BodyLimit/10+100)
	kept := &head{ReadCloser: io.NopCloser(slowly{strings.NewReader(whole)})}
	passed, err := io.ReadAll(kept)
	if err != nil || string(passed) != whole {
		t.Errorf("%d of %d bytes passed, %v", len(passed), len(whole), err)
	}
	if string(kept.kept) != whole[:BodyLimit] {
		t.Errorf("%d bytes kept", len(kept.kept))
	}
}

// slowly gives seven bytes a time, so that the limit falls into the middle of a piece.
type slowly struct{ from io.Reader }

func (r slowly) Read(into []byte) (int, error) { return r.from.Read(into[:min(7, len(into))]) }

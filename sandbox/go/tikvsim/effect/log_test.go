package effect

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"assent.tikv.org/sandbox/tikvsim/region"
)

// Every effect is a whole line, also with many writers and after the file is opened again.
func TestEachEffectIsOneLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "effects.jsonl")
	const writers, each = 4, 50
	for range 2 {
		log, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for range writers {
			all.Add(1)
			go func() {
				defer all.Done()
				for range each {
					if err := log.Append(Line{Kind: region.AddPeer, Cause: ByPD}); err != nil {
						t.Error(err)
					}
				}
			}()
		}
		all.Wait()
		if got := log.Counts()["pd/add_peer"]; got != writers*each {
			t.Errorf("%d counted", got)
		}
		if err := log.Close(); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))
	if len(lines) != 2*writers*each {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !json.Valid(line) {
			t.Errorf("not JSON: %s", line)
		}
	}
}

// The line says who moved where, with the epochs before and after, under names tests rely on.
func TestLineSpelling(t *testing.T) {
	change := region.Change{
		Kind: region.Merge, Before: region.Epoch{ConfVer: 1, Version: 2}, From: 3, To: 4, Gone: 8,
		Next:    region.Region{ID: 7, Epoch: region.Epoch{ConfVer: 1, Version: 5}, Term: 6},
		Created: []region.Region{{ID: 70}},
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	encoded, err := json.Marshal(From(change, ByPD, now, "http://pd"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"time":"2026-01-01T00:00:00Z","kind":"merge","cause":"pd","region":7,"from_store":3,` +
		`"to_store":4,"peer":0,"epoch_before":{"conf_ver":1,"version":2},` +
		`"epoch_after":{"conf_ver":1,"version":5},"term":6,"new_regions":[70],"source_region":8,` +
		`"pd_leader":"http://pd"}`
	if string(encoded) != want {
		t.Errorf("%s", encoded)
	}
}

// A log that cannot be written is an error: tests count its lines.
func TestAFailingLogSaysSo(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "no", "such", "folder")); err == nil {
		t.Error("opened a file in a missing folder")
	}
	log, err := Open(filepath.Join(t.TempDir(), "effects.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	_ = log.Close()
	if err := log.Append(Line{}); err == nil {
		t.Error("wrote to a closed file")
	}
	silent, err := Open("")
	if err != nil || silent.Append(Line{Kind: region.Split, Cause: ByPD}) != nil || silent.Close() != nil {
		t.Error("without a file only the counts are kept")
	}
	if silent.Counts()["pd/split"] != 1 {
		t.Errorf("%v", silent.Counts())
	}
}

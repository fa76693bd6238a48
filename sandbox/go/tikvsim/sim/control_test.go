package sim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"

	"assent.tikv.org/sandbox/tikvsim/pdlink"
)

// desk is the control API of a world without PD.
type desk struct {
	*bed
	*Simulation
	handler http.Handler
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	b := newBed(t, 40)
	simulation := New(b.World, pdlink.New(nil, nil, b.log), Config{StoreBeat: time.Hour}, b.log)
	for _, id := range b.storeIDs() {
		simulation.metas[id] = &metapb.Store{Id: id}
	}
	run, end := context.WithCancel(context.Background())
	end() // a started store must not speak to a PD that is not there
	return &desk{b, simulation, simulation.Control(run, func() {})}
}

func (d *desk) ask(method, path, body string) (int, string) {
	answer := httptest.NewRecorder()
	request := httptest.NewRequestWithContext(context.Background(), method, path, strings.NewReader(body))
	d.handler.ServeHTTP(answer, request)
	return answer.Code, answer.Body.String()
}

// An order that makes no sense is refused with a sentence, and changes nothing: a test that orders
// it by mistake must not go on with a world that it does not expect.
func TestSenselessOrdersChangeNothing(t *testing.T) {
	for _, c := range []struct{ why, path, body, says string }{
		{"less than no leaders", "/leaders/move", `{"from_store":1,"to_store":2,"count":-1}`, "count"},
		{"a count in words", "/leaders/move", `{"from_store":1,"to_store":2,"count":"all"}`, "body"},
		{"less than no hot regions", "/stores/1/heat", `{"regions":-1}`, "regions"},
		{"a misspelled field", "/stores/1/heat", `{"region":3}`, "unknown field"},
		{"no object", "/stores/1/stop", `"now"`, "body"},
		{"a store without a number", "/stores/one/stop", "", "not a number"},
		{"a fault nobody knows", "/stores/1/burn", "", "known are stop"},
		{"an address for a fault", "/stores/1/hang", `{"address":"a:1"}`, "only when it starts"},
		{"a negative delay", "/settings", `{"command_delay_ms":-1}`, "0 or more"},
		{"a clock that stands", "/settings", `{"down_seconds_factor":0}`, "more than 0"},
		{"a size below nothing", "/regions/100", `{"size_mb":-5}`, "body"},
		{"a region without a number", "/regions/first", `{}`, "not a number"},
	} {
		t.Run(c.why, func(t *testing.T) {
			d := newDesk(t)
			_, stores := d.ask("GET", "/stores", "")
			_, settings := d.ask("GET", "/settings", "")
			status, text := d.ask("POST", c.path, c.body)
			if status != http.StatusBadRequest || !strings.Contains(text, c.says) {
				t.Errorf("%d %s", status, text)
			}
			if _, after := d.ask("GET", "/stores", ""); after != stores {
				t.Errorf("the stores changed: %s", after)
			}
			if _, after := d.ask("GET", "/settings", ""); after != settings {
				t.Errorf("the settings changed: %s", after)
			}
			if len(d.effects()) != 0 {
				t.Errorf("%+v", d.effects())
			}
		})
	}
}

// What is left out of an order stays: two tests may each set their own.
func TestWhatIsLeftOutStays(t *testing.T) {
	d := newDesk(t)
	d.ask("POST", "/settings", `{"snapshot_delay_ms":70,"transfer_refuse":[100,104]}`)
	d.ask("POST", "/settings", `{"command_delay_ms":5}`)
	_, text := d.ask("GET", "/settings", "")
	var got Settings
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatal(err)
	}
	if got.SnapshotDelayMS != 70 || got.CommandDelayMS != 5 || len(got.TransferRefuse) != 2 ||
		got.DownSecondsFactor != 1 {
		t.Errorf("%+v", got)
	}
	d.ask("POST", "/settings", `{"transfer_refuse":[]}`)
	if _, text = d.ask("GET", "/settings", ""); !strings.Contains(text, `"transfer_refuse":[]`) {
		t.Errorf("an empty list ends it: %s", text)
	}
	d.ask("POST", "/regions/100", `{"size_mb":5}`)
	d.ask("POST", "/regions/100", `{"write_bytes_per_second":9}`)
	if _, text = d.ask("GET", "/region/100", ""); !strings.Contains(text, `"size_mb":5`) ||
		!strings.Contains(text, `"write_bytes_per_second":9`) || !strings.Contains(text, `"keys":1000`) {
		t.Errorf("%s", text)
	}
}

// A size that is ordered shows in the store's own counters at once: PD balances by those.
func TestAnOrderedSizeShowsInTheStores(t *testing.T) {
	d := newDesk(t)
	before := d.storeBeat(1, noon).GetUsedSize()
	if status, text := d.ask("POST", "/regions/100", `{"size_mb":1096}`); status != 200 {
		t.Fatal(text)
	}
	if grown := d.storeBeat(1, noon).GetUsedSize() - before; grown != 1000*mib {
		t.Errorf("store 1 grew by %d", grown)
	}
}

// Faults of a store end as they began; ending one that is not there is no error: tests mend all.
func TestFaultsEndWithOff(t *testing.T) {
	d := newDesk(t)
	_, sound := d.ask("GET", "/stores", "")
	for _, fault := range []string{"hang", "slow", "fill", "heat"} {
		if _, broken := d.ask("POST", "/stores/3/"+fault, ""); strings.Contains(sound, strings.TrimSpace(broken)) {
			t.Errorf("%s does not show: %s", fault, broken)
		}
		for range 2 {
			if status, text := d.ask("POST", "/stores/3/"+fault, `{"off":true}`); status != 200 {
				t.Errorf("%s: %d %s", fault, status, text)
			}
		}
		if _, mended := d.ask("GET", "/stores", ""); mended != sound {
			t.Errorf("after %s: %s", fault, mended)
		}
	}
}

// Pages cover everything once, whatever their size; 0 is all.
func TestPagesOfRegions(t *testing.T) {
	d := newDesk(t)
	for _, limit := range []string{"1", "7", "40", "100", "0"} {
		seen, after := make(map[uint64]bool), "0"
		for {
			_, text := d.ask("GET", "/regions?limit="+limit+"&after="+after, "")
			var page []RegionState
			if err := json.Unmarshal([]byte(text), &page); err != nil {
				t.Fatal(err)
			}
			for _, one := range page {
				if seen[one.ID] {
					t.Fatalf("limit %s: region %d twice", limit, one.ID)
				}
				seen[one.ID] = true
				after = strconv.FormatUint(one.ID, 10)
			}
			if len(page) == 0 {
				break
			}
		}
		if len(seen) != 40 {
			t.Errorf("limit %s: %d regions", limit, len(seen))
		}
	}
}

// A region whose leader's store is dead and that cannot elect says so by its peers, not by silence.
func TestARegionTellsWhichOfItsPeersAreDown(t *testing.T) {
	d := newDesk(t)
	d.ask("POST", "/stores/1/stop", "")
	d.ask("POST", "/stores/2/stop", "")
	_, text := d.ask("GET", "/regions?limit=0", "")
	var all []RegionState
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, one := range all {
		for _, peer := range one.Peers {
			if dead := peer.Store <= 2; peer.Down != dead {
				t.Errorf("region %d: %+v", one.ID, peer)
			}
		}
	}
	if _, text = d.ask("GET", "/stores", ""); strings.Count(text, `"state":"stopped"`) != 2 {
		t.Errorf("%s", text)
	}
}

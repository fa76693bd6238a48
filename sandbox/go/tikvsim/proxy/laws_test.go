package proxy

import (
	"fmt"
	"io"
	"math/rand"
	"net/http"
	"sync"
	"testing"
)

// Tests of the operator count lines of the journal: how often was PD written to, and what does the
// caller know of it? So whatever faults are ordered, a request is one line, and the line is true.

const (
	lawSeeds    = 25
	lawRequests = 30
)

var breaking = []Fault{
	{Action: CutBeforeSend},
	{Action: CutAfterAnswer},
	{Action: HalfAnswer},
	{Action: AnswerStatus, Status: 503, Body: "no leader"},
	{Action: DelayBefore, Milliseconds: 1},
	{Action: DelayAfter, Milliseconds: 1},
}

// tally is a PD that counts what it did, by path.
type tally struct {
	mu   sync.Mutex
	done map[string]int
}

func (t *tally) serve(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	t.mu.Lock()
	t.done[q.URL.Path]++
	t.mu.Unlock()
	_, _ = fmt.Fprintf(w, "%s %s", q.URL.Path, body)
}

func (t *tally) times(path string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.done[path]
}

// order draws a fault; half of them choose by path.
func order(random *rand.Rand) Fault {
	fault := breaking[random.Intn(len(breaking))]
	fault.Count = random.Intn(4)
	if random.Intn(2) == 0 {
		fault.Match.Path = fmt.Sprintf("^/%d", random.Intn(10))
	}
	if random.Intn(3) == 0 {
		fault.Match.Method = []string{"POST", "DELETE"}[random.Intn(2)]
	}
	if random.Intn(3) == 0 {
		fault.Chance, fault.Seed = 0.5, random.Uint64()
	}
	return fault
}

func TestWhateverBreaksARequestIsOneTrueLine(t *testing.T) {
	for seed := range int64(lawSeeds) {
		random := rand.New(rand.NewSource(seed))
		pd := &tally{done: make(map[string]int)}
		r := newRig(t, pd.serve)
		for range random.Intn(4) {
			r.fault(order(random))
		}
		type got struct {
			status int
			whole  bool
		}
		answers := make([]got, lawRequests)
		for i := range answers {
			method := []string{"POST", "DELETE"}[random.Intn(2)]
			body := fmt.Sprint("body", i)
			status, text, err := r.do(method, fmt.Sprintf("/%d", i), body)
			answers[i] = got{status, err == nil && text == fmt.Sprintf("/%d %s", i, body)}
		}
		hits := 0
		for i, line := range r.entries(lawRequests) {
			path := fmt.Sprintf("/%d", i)
			if line.Path != path || line.Body != fmt.Sprint("body", i) {
				t.Fatalf("seed %d: line %d is of %s %q", seed, i, line.Path, line.Body)
			}
			if asked := line.PDStatus != 0; pd.times(path) > 1 || asked != (pd.times(path) == 1) {
				t.Fatalf("seed %d: %d times at PD: %+v", seed, pd.times(path), line)
			}
			if line.Status != answers[i].status {
				t.Fatalf("seed %d: the caller got %d: %+v", seed, answers[i].status, line)
			}
			whole := line.Fault == "" || line.Fault == string(DelayBefore) || line.Fault == string(DelayAfter)
			if whole != answers[i].whole {
				t.Fatalf("seed %d: whole answer %t: %+v", seed, answers[i].whole, line)
			}
			if line.Fault != "" {
				hits++
			}
		}
		listed := 0
		for _, one := range r.proxy.faults.List() {
			if listed += one.Hits; one.Count > 0 && one.Hits > one.Count {
				t.Fatalf("seed %d: used up and used on: %+v", seed, one)
			}
		}
		if listed != hits {
			t.Fatalf("seed %d: %d lines with a fault, %d hits", seed, hits, listed)
		}
	}
}

// Several callers never share a fault that was ordered for a number of requests: "the next two
// requests fail" means two, not two of each.
func TestACountedFaultHitsExactlySoManyOfManyCallers(t *testing.T) {
	const callers, each, count = 8, 10, 5
	pd := &tally{done: make(map[string]int)}
	r := newRig(t, pd.serve)
	r.fault(Fault{Action: AnswerStatus, Status: 503, Count: count})
	var all sync.WaitGroup
	var mu sync.Mutex
	refused := 0
	for caller := range callers {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := range each {
				status, _, err := r.do("POST", fmt.Sprintf("/%d/%d", caller, i), "")
				mu.Lock()
				if status == 503 {
					refused++
				} else if err != nil || status != 200 {
					t.Errorf("%d %v", status, err)
				}
				mu.Unlock()
			}
		}()
	}
	all.Wait()
	if refused != count || int(r.served.Load()) != callers*each-count {
		t.Errorf("%d refused, PD was asked %d times", refused, r.served.Load())
	}
	r.entries(callers * each)
}

// Orders are kept in the order in which they came, and each has an id of its own for ever: who ends
// "fault 3" must not end another's.
func TestIDsOfFaultsAreNeverUsedTwice(t *testing.T) {
	faults := &Faults{}
	seen := make(map[uint64]bool)
	random := rand.New(rand.NewSource(1))
	for range 200 {
		switch random.Intn(4) {
		case 0:
			faults.Clear()
		case 1:
			if all := faults.List(); len(all) > 0 && !faults.Remove(all[random.Intn(len(all))].ID) {
				t.Fatal("what is listed can be removed")
			}
		default:
			added, err := faults.Add(order(random))
			if err != nil || seen[added.ID] || added.Hits != 0 {
				t.Fatalf("%+v %v", added, err)
			}
			seen[added.ID] = true
		}
		all := faults.List()
		for i := 1; i < len(all); i++ {
			if all[i-1].ID >= all[i].ID {
				t.Fatalf("%v", all)
			}
		}
	}
}

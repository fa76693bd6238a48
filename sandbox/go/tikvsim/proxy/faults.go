package proxy

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Action is what a fault does to a request.
type Action string

// The actions. Those "before" touch the request before PD sees it, the others PD's answer.
const (
	DelayBefore    Action = "delay_before"
	DelayAfter     Action = "delay_after"
	CutBeforeSend  Action = "cut_before_send"
	CutAfterAnswer Action = "cut_after_answer"
	HalfAnswer     Action = "half_answer"
	AnswerStatus   Action = "status"
)

var actions = []Action{
	DelayBefore, DelayAfter, CutBeforeSend, CutAfterAnswer, HalfAnswer, AnswerStatus,
}

// Match says which requests a fault hits. An empty field matches everything. Path is a regular
// expression that is looked for in path and query.
type Match struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Caller string `json:"caller"`
}

// Fault is an order to break requests.
type Fault struct {
	ID           uint64 `json:"id"`
	Match        Match  `json:"match"`
	Action       Action `json:"action"`
	Milliseconds int64  `json:"milliseconds"`
	Status       int    `json:"status"`
	Body         string `json:"body"`
	// Count is how many requests it hits, 0 for all until it is deleted.
	Count int `json:"count"`
	// Chance is the share of the matching requests that it hits, 0 for all. Which ones follows
	// from Seed and their order.
	Chance float64 `json:"chance"`
	Seed   uint64  `json:"seed"`
	// Hits is how many it has hit. A fault whose count is used up stays listed.
	Hits int `json:"hits"`

	path *regexp.Regexp
	dice *rand.Rand
}

// Delay is how long a delaying fault waits.
func (f Fault) Delay() time.Duration { return time.Duration(f.Milliseconds) * time.Millisecond }

// Faults are the orders in force.
type Faults struct {
	mu     sync.Mutex
	orders []*Fault
	lastID uint64
}

// Add takes an order and gives it an id. The error says what is wrong with it.
func (f *Faults) Add(order Fault) (Fault, error) {
	pattern, err := regexp.Compile(order.Match.Path)
	if err != nil {
		return Fault{}, fmt.Errorf("match.path: %w", err)
	}
	switch {
	case !slices.Contains(actions, order.Action):
		return Fault{}, fmt.Errorf("action must be one of %v", actions)
	case order.Action == AnswerStatus && (order.Status < 200 || order.Status > 599):
		return Fault{}, fmt.Errorf("status must be between 200 and 599, it is %d", order.Status)
	case order.Milliseconds < 0 || order.Count < 0:
		return Fault{}, fmt.Errorf("milliseconds and count must be 0 or more")
	case order.Chance < 0 || order.Chance > 1:
		return Fault{}, fmt.Errorf("chance must be between 0 and 1, it is %g", order.Chance)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastID++
	order.ID, order.Hits, order.path = f.lastID, 0, pattern
	order.dice = rand.New(rand.NewPCG(order.Seed, 0))
	f.orders = append(f.orders, &order)
	return order, nil
}

// List gives all orders, the used-up ones too.
func (f *Faults) List() []Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	orders := make([]Fault, 0, len(f.orders))
	for _, order := range f.orders {
		orders = append(orders, *order)
	}
	return orders
}

// Remove ends one order; false when there is none with this id.
func (f *Faults) Remove(id uint64) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	before := len(f.orders)
	f.orders = slices.DeleteFunc(f.orders, func(order *Fault) bool { return order.ID == id })
	return len(f.orders) < before
}

// Clear ends all orders.
func (f *Faults) Clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.orders = nil
}

// Take gives the first order that hits a request, and counts the hit. The zero Fault means none.
func (f *Faults) Take(request *http.Request) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, order := range f.orders {
		if order.Count > 0 && order.Hits >= order.Count {
			continue
		}
		if order.matches(request) && order.chosen() {
			order.Hits++
			return *order
		}
	}
	return Fault{}
}

func (f *Fault) matches(request *http.Request) bool {
	return (f.Match.Method == "" || f.Match.Method == request.Method) &&
		(f.Match.Caller == "" || f.Match.Caller == request.Header.Get("X-Caller-ID")) &&
		f.path.MatchString(request.RequestURI)
}

// chosen throws the dice for one matching request.
func (f *Fault) chosen() bool {
	return f.Chance == 0 || f.dice.Float64() < f.Chance
}

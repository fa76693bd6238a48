package proxy

import (
	"testing"
	"time"
)

func TestFaultsOnOrder(t *testing.T) {
	const pause = 80
	cases := []struct {
		order    Fault
		served   int64
		status   int
		body     string
		cut      bool
		journal  int
		pdStatus int
		slow     bool
	}{
		{Fault{Action: DelayBefore, Milliseconds: pause}, 1, 200, "DELETE /a ", false, 200, 200, true},
		{Fault{Action: DelayAfter, Milliseconds: pause}, 1, 200, "DELETE /a ", false, 200, 200, true},
		{Fault{Action: CutBeforeSend}, 0, 0, "", true, 0, 0, false},
		{Fault{Action: CutAfterAnswer}, 1, 0, "", true, 0, 200, false},
		{Fault{Action: HalfAnswer}, 1, 200, "DELET", true, 200, 200, false},
		{Fault{Action: AnswerStatus, Status: 503, Body: "no leader"}, 0, 503, "no leader", false, 503, 0, false},
	}
	for _, c := range cases {
		t.Run(string(c.order.Action), func(t *testing.T) {
			r := newRig(t, echo)
			c.order.Match, c.order.Count = Match{Method: "DELETE", Path: "^/a"}, 1
			r.fault(c.order)
			started := time.Now()
			status, body, err := r.do("DELETE", "/a", "")
			if status != c.status || body != c.body || (err != nil) != c.cut {
				t.Errorf("caller got %d %q %v", status, body, err)
			}
			if slow := time.Since(started) >= pause*time.Millisecond; slow != c.slow {
				t.Errorf("it took %s", time.Since(started))
			}
			if r.served.Load() != c.served {
				t.Errorf("PD was asked %d times", r.served.Load())
			}
			entry := r.entries(1)[0]
			if entry.Status != c.journal || entry.PDStatus != c.pdStatus ||
				entry.Fault != string(c.order.Action) {
				t.Errorf("%+v", entry)
			}
			if _, body, err := r.do("DELETE", "/a", ""); err != nil || body != "DELETE /a " {
				t.Errorf("used up, it still hits: %q %v", body, err)
			}
		})
	}
}

// A request that is delayed on its way arrives although its caller gave up: the late write.
func TestADelayedRequestArrivesWithoutItsCaller(t *testing.T) {
	r := newRig(t, echo)
	r.fault(Fault{Action: DelayBefore, Milliseconds: 150, Count: 1})
	r.client.Timeout = 30 * time.Millisecond
	if _, _, err := r.do("POST", "/late", "body"); err == nil {
		t.Fatal("the caller did not give up")
	}
	if entry := r.entries(1)[0]; entry.PDStatus != 200 || r.served.Load() != 1 {
		t.Errorf("%+v", entry)
	}
}

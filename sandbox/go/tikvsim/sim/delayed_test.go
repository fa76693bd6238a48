package sim

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pingcap/kvproto/pkg/pdpb"
)

// A test's late commands must not reach the next test's regions: dropped ones are never due, and
// later ones are not touched by that.
func TestDroppedCommandsAreNeverDue(t *testing.T) {
	b := newBed(t, 40)
	b.settings.CommandDelayMS = 60_000
	delay, early := b.delayCommand()
	b.delayCommand()
	if delay.Milliseconds() != 60_000 || b.status(true).Unfinished != 2 {
		t.Fatalf("%s, %d unfinished", delay, b.status(true).Unfinished)
	}
	if dropped := b.dropDelayed(); dropped != 2 || b.status(true).Unfinished != 0 {
		t.Fatalf("%d dropped, %d unfinished", dropped, b.status(true).Unfinished)
	}
	_, late := b.delayCommand()
	if b.due(early) || b.status(true).Unfinished != 1 {
		t.Error("a dropped command is due")
	}
	if !b.due(late) || b.status(true).Unfinished != 0 {
		t.Error("a command that was not dropped is not due")
	}
	if b.dropDelayed() != 0 {
		t.Error("nothing waits")
	}
}

// Without a delay nothing waits: the command is looked at at once.
func TestNothingWaitsWithoutADelay(t *testing.T) {
	b := newBed(t, 40)
	if delay, _ := b.delayCommand(); delay != 0 || b.status(true).Unfinished != 0 {
		t.Errorf("%s, %d unfinished", delay, b.status(true).Unfinished)
	}
}

// A split that waits for PD's ids cuts later: it is unfinished until then.
func TestASplitThatWaitsForIDsIsUnfinished(t *testing.T) {
	b := newBed(t, 40)
	r := b.ledBy(2)
	order := command(r)
	order.SplitRegion = &pdpb.SplitRegion{Policy: pdpb.CheckPolicy_SCAN}
	ask := b.execute(2, order, noon)
	if b.status(true).Unfinished != 1 {
		t.Error("the split is not counted")
	}
	b.completeSplit(ask, nil, noon)
	if b.status(true).Unfinished != 0 {
		t.Error("the split has ended")
	}
}

// What tests order: DELETE /commands says how many it dropped.
func TestTheOrderToDropSaysHowMany(t *testing.T) {
	b := newBed(t, 40)
	b.settings.CommandDelayMS = 60_000
	b.delayCommand()
	s := New(b.World, nil, Config{}, b.log)
	answer := httptest.NewRecorder()
	s.Control(context.Background(), func() {}).ServeHTTP(
		answer, httptest.NewRequest(http.MethodDelete, "/commands", nil))
	if answer.Code != http.StatusOK || strings.TrimSpace(answer.Body.String()) != `{"dropped":1}` {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
}

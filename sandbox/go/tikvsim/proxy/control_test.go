package proxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestControlAPI(t *testing.T) {
	r := newRig(t, echo)
	stopped := false
	control := httptest.NewServer(r.proxy.Control(func() { stopped = true }))
	t.Cleanup(control.Close)
	ask := func(method, path, body string) (int, string) {
		request, _ := http.NewRequest(method, control.URL+path, strings.NewReader(body))
		response, err := control.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = response.Body.Close() }()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	for why, bad := range map[string]string{
		"an unknown action":    `{"action":"explode"}`,
		"an unknown field":     `{"action":"delay_before","delay":5}`,
		"a bad pattern":        `{"action":"delay_before","match":{"path":"("}}`,
		"a status of nothing":  `{"action":"status"}`,
		"a negative delay":     `{"action":"delay_after","milliseconds":-1}`,
		"something else":       `[]`,
		"a body that is a lie": `{"action":`,
	} {
		if status, text := ask("POST", "/faults", bad); status != 400 || !strings.Contains(text, "error") {
			t.Errorf("%s: %d %s", why, status, text)
		}
	}
	order := `{"match":{"caller":"me"},"action":"status","status":500,"count":0}`
	if status, text := ask("POST", "/faults", order); status != 200 || !strings.Contains(text, `"id":1`) {
		t.Fatalf("%d %s", status, text)
	}
	for range 2 {
		if status, _, _ := r.do("GET", "/", "", "X-Caller-ID", "me"); status != 500 {
			t.Errorf("count 0 must hit every time: %d", status)
		}
	}
	if status, _, _ := r.do("GET", "/", "", "X-Caller-ID", "other"); status != 200 {
		t.Errorf("another caller is hit: %d", status)
	}
	if _, text := ask("GET", "/faults", ""); !strings.Contains(text, `"hits":2`) {
		t.Error(text)
	}
	if status, _ := ask("DELETE", "/faults/1", ""); status != 200 {
		t.Errorf("delete: %d", status)
	}
	if status, _ := ask("DELETE", "/faults/1", ""); status != 404 {
		t.Errorf("delete again: %d", status)
	}
	ask("POST", "/faults", `{"action":"delay_before"}`)
	if _, text := ask("DELETE", "/faults", ""); strings.TrimSpace(text) != "[]" {
		t.Error(text)
	}
	if status, text := ask("POST", "/partition", ""); status != 200 || !strings.Contains(text, `"partitioned":true`) {
		t.Error(text)
	}
	if status, _ := ask("POST", "/partition", `{"off":true}`); status != 200 {
		t.Error(status)
	}
	if ask("POST", "/shutdown", ""); !stopped {
		t.Error("shutdown was not called")
	}
}

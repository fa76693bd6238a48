package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// rig is a proxy in front of a server of the test.
type rig struct {
	t       *testing.T
	proxy   *Proxy
	url     string
	journal string
	client  *http.Client
	served  atomic.Int64
}

func newRig(t *testing.T, handler http.HandlerFunc) *rig {
	t.Helper()
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.served.Add(1)
		handler(w, q)
	}))
	t.Cleanup(server.Close)
	r.stand(strings.TrimPrefix(server.URL, "http://"))
	return r
}

func (r *rig) stand(upstream string) {
	journal, err := OpenJournal(r.journal, func(err error) { r.t.Error(err) })
	if err != nil {
		r.t.Fatal(err)
	}
	r.proxy = New(upstream, journal, slog.New(slog.NewTextHandler(io.Discard, nil)))
	address, err := r.proxy.Listen("127.0.0.1:0")
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(r.proxy.Close)
	r.url = "http://" + address
	transport := &http.Transport{}
	r.t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Timeout: 5 * time.Second, Transport: transport}
}

func (r *rig) do(method, path, body string, headers ...string) (int, string, error) {
	r.t.Helper()
	request, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := r.client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// entries waits for so many journal lines; every one must be a line of its own.
func (r *rig) entries(count int) []Entry {
	r.t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		content, err := os.ReadFile(r.journal)
		if err != nil {
			r.t.Fatal(err)
		}
		if bytes.Count(content, []byte("\n")) >= count || time.Now().After(deadline) {
			return parse(r.t, content, count)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func parse(t *testing.T, content []byte, count int) []Entry {
	t.Helper()
	var all []Entry
	scanner := bufio.NewScanner(bytes.NewReader(content))
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		var entry Entry
		if err := json.Unmarshal(scanner.Bytes(), &entry); err != nil {
			t.Fatalf("%v in %s", err, scanner.Text())
		}
		all = append(all, entry)
	}
	if len(all) != count {
		t.Fatalf("%d journal lines, want %d: %s", len(all), count, content)
	}
	return all
}

func (r *rig) fault(order Fault) Fault {
	r.t.Helper()
	added, err := r.proxy.faults.Add(order)
	if err != nil {
		r.t.Fatal(err)
	}
	return added
}

func echo(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	_, _ = fmt.Fprintf(w, "%s %s %s", q.Method, q.RequestURI, body)
}

// What the caller gets and what PD gets are what they would be without a proxy.
func TestPassesUnchanged(t *testing.T) {
	var seen http.Header
	var host string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		seen, host = q.Header.Clone(), q.Host
		w.Header().Set("X-From-PD", "yes")
		w.WriteHeader(http.StatusTeapot)
		echo(w, q)
	})
	status, body, err := r.do("POST", "/pd/api/v1/operators?x=%2F&y", `{"name":"n"}`,
		"X-Caller-ID", "assent", "PD-Redirector", "pd-1", "X-Forwarded-For", "10.0.0.1")
	if err != nil || status != http.StatusTeapot ||
		body != `POST /pd/api/v1/operators?x=%2F&y {"name":"n"}` {
		t.Fatalf("%d %q %v", status, body, err)
	}
	want := http.Header{
		"X-Caller-Id": {"assent"}, "Pd-Redirector": {"pd-1"}, "X-Forwarded-For": {"10.0.0.1"},
		"User-Agent": {"Go-http-client/1.1"}, "Accept-Encoding": {"gzip"},
		"Content-Length": {"12"},
	}
	if fmt.Sprint(seen) != fmt.Sprint(want) {
		t.Errorf("PD saw headers %v", seen)
	}
	if "http://"+host != r.url {
		t.Errorf("PD saw host %s", host)
	}
	entry := r.entries(1)[0]
	if entry.Method != "POST" || entry.Path != "/pd/api/v1/operators?x=%2F&y" ||
		entry.Body != `{"name":"n"}` || entry.Status != 418 || entry.PDStatus != 418 ||
		entry.Redirector != "pd-1" || entry.Caller != "assent" || entry.Fault != "" ||
		entry.Started.After(entry.Finished) || !entry.Time.Equal(entry.Finished) {
		t.Errorf("%+v", entry)
	}
}

// A caller that has its answer finds the line written: tests count right after a call.
func TestTheLineIsThereBeforeTheAnswer(t *testing.T) {
	r := newRig(t, echo)
	for i := range 50 {
		if _, _, err := r.do("GET", fmt.Sprintf("/%d", i), ""); err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(r.journal)
		if err != nil {
			t.Fatal(err)
		}
		parse(t, content, i+1)
	}
	if got := r.proxy.status().Connections; got != 2 {
		t.Errorf("%d connections for 50 requests in a row: keep-alive is lost", got)
	}
}

func TestLargeBodies(t *testing.T) {
	large := strings.Repeat("x", 3*answerLimit)
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		_, _ = w.Write(body)
	})
	status, body, err := r.do("POST", "/", large)
	if err != nil || status != 200 || body != large {
		t.Fatalf("%d, %d bytes, %v", status, len(body), err)
	}
	if entry := r.entries(1)[0]; len(entry.Body) != BodyLimit {
		t.Errorf("the journal kept %d bytes", len(entry.Body))
	}
}

func TestExpectContinueAndChunkedRequests(t *testing.T) {
	r := newRig(t, echo)
	request, _ := http.NewRequest("POST", r.url+"/", io.MultiReader(strings.NewReader("chunked")))
	request.Header.Set("Expect", "100-continue")
	response, err := r.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if string(body) != "POST / chunked" {
		t.Errorf("%q", body)
	}
	if entry := r.entries(1)[0]; entry.Body != "chunked" {
		t.Errorf("%+v", entry)
	}
}

// Without a fault a caller that leaves takes its request along, as without a proxy.
func TestALeavingCallerIsSeenByPD(t *testing.T) {
	left := make(chan struct{})
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) {
		<-q.Context().Done()
		close(left)
	})
	r.client.Timeout = 30 * time.Millisecond
	_, _, _ = r.do("GET", "/slow", "")
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Fatal("PD still works for a caller that left")
	}
	if entry := r.entries(1)[0]; entry.Status != 0 || entry.PDStatus != 0 {
		t.Errorf("%+v", entry)
	}
}

// Many callers at once, each with a line of its own.
func TestConcurrentRequestsAreEachOneLine(t *testing.T) {
	r := newRig(t, echo)
	const callers, each = 8, 25
	failures := make(chan error, callers)
	for caller := range callers {
		go func() {
			var err error
			for i := range each {
				_, _, failed := r.do("POST", fmt.Sprintf("/%d/%d", caller, i), "b")
				err = errors.Join(err, failed)
			}
			failures <- err
		}()
	}
	for range callers {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	seen := make(map[string]bool)
	for _, entry := range r.entries(callers * each) {
		seen[entry.Path] = true
	}
	if len(seen) != callers*each {
		t.Errorf("%d different requests", len(seen))
	}
}

package proxy

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
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

// gRPC, and PD's etcd client, speak HTTP/2: not one byte of it may change, and no line is written.
func TestOtherProtocolsAreSpliced(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	r.stand(listener.Addr().String())
	for _, first := range []string{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00", "\x16\x03\x01\x00\xff", "ab"} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(first))
		_ = conn.(*net.TCPConn).CloseWrite()
		echoed, err := io.ReadAll(conn)
		_ = conn.Close()
		if err != nil || string(echoed) != first {
			t.Errorf("%q came back as %q, %v", first, echoed, err)
		}
	}
	r.entries(0)
}

// A dead PD refuses connections, and so must its proxy: "not sent" differs from "unknown".
func TestADeadUpstreamIsRefusedAndComesBack(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	address := server.Listener.Addr().String()
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	r.stand(address)
	if _, _, err := r.do("GET", "/", ""); err != nil {
		t.Fatal(err)
	}
	server.CloseClientConnections()
	server.Close()
	waitFor(t, "the proxy refuses", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(echo)}}
	again.Start()
	t.Cleanup(again.Close)
	waitFor(t, "the proxy is back", func() bool {
		_, _, err := r.do("GET", "/", "")
		return err == nil
	})
}

func waitFor(t *testing.T, fact string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not within 5 s: " + fact)
		}
	}
}

func TestPartitionCutsEverything(t *testing.T) {
	r := newRig(t, echo)
	if err := r.proxy.Partition(true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.do("GET", "/", ""); err == nil {
		t.Error("a partitioned member answers")
	}
	if err := r.proxy.Partition(false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.do("GET", "/", ""); err != nil {
		t.Errorf("after the partition: %v", err)
	}
}

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

package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const lines = 3

// newTLSRig is a proxy in front of an API server that watches: each line comes when it is let go.
func newTLSRig(t *testing.T, next <-chan string) *rig {
	t.Helper()
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		r.served.Add(1)
		if !streams(q) {
			_, _ = fmt.Fprintf(w, "%s says %s", q.Header.Get("Authorization"), q.Proto)
			return
		}
		w.(http.Flusher).Flush()
		for {
			select {
			case line, more := <-next:
				if !more {
					return
				}
				_, _ = fmt.Fprintln(w, line)
				w.(http.Flusher).Flush()
			case <-q.Context().Done():
				return
			}
		}
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	journal, err := OpenJournal(r.journal, func(err error) { t.Error(err) })
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	address := strings.TrimPrefix(server.URL, "https://")
	r.proxy = New(address, journal, slog.New(slog.NewTextHandler(io.Discard, nil)))
	r.proxy.Encrypt(&tls.Config{Certificates: server.TLS.Certificates}, &tls.Config{RootCAs: roots})
	listening, err := r.proxy.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.proxy.Close)
	r.url = "https://" + listening
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	r.client = &http.Client{Timeout: 5 * time.Second, Transport: transport}
	return r
}

// An operator's own token reaches the API server, and the proxy sees what is asked.
func TestTLSEndsAndBeginsAtTheProxy(t *testing.T) {
	r := newTLSRig(t, nil)
	for range 2 { // the second over the same connection
		status, text, err := r.do("GET", "/api", "", "Authorization", "Bearer x")
		if err != nil || status != 200 || text != "Bearer x says HTTP/1.1" {
			t.Fatal(status, text, err)
		}
		time.Sleep(2 * watchAfter) // idle connections are watched, which must not break TLS
	}
	if got := r.entries(2); got[1].Path != "/api" || got[1].PDStatus != 200 {
		t.Error(got)
	}
}

func TestALostAnswerOverTLSIsNoAnswer(t *testing.T) {
	r := newTLSRig(t, nil)
	r.fault(Fault{Action: CutAfterAnswer, Match: Match{Method: "PATCH"}, Count: 1})
	if _, _, err := r.do("PATCH", "/api", "{}"); err == nil {
		t.Error("it was answered")
	}
	if got := r.entries(1)[0]; got.PDStatus != 200 || got.Status != 0 || got.Body != "{}" {
		t.Error(got)
	}
}

// What a watch brings must come at once, not when a buffer is full.
func TestAWatchFlowsLineByLine(t *testing.T) {
	next := make(chan string)
	r := newTLSRig(t, next)
	response, err := r.client.Get(r.url + "/api?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	scanner := bufio.NewScanner(response.Body)
	for number := range lines {
		next <- fmt.Sprint(number)
		if !scanner.Scan() || scanner.Text() != fmt.Sprint(number) {
			t.Fatal(number, scanner.Text(), scanner.Err())
		}
	}
	close(next)
	if scanner.Scan() || scanner.Err() != nil {
		t.Error("the end was not passed on", scanner.Err())
	}
	r.entries(1)
}

func TestAWatchIsCutInTheMiddle(t *testing.T) {
	next := make(chan string, 1)
	r := newTLSRig(t, next)
	r.fault(Fault{Action: HalfAnswer, Milliseconds: 50, Count: 1})
	next <- "one"
	response, err := r.client.Get(r.url + "/api?watch=true")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil || string(text) != "one\n" {
		t.Error(string(text), err)
	}
}

// A caller that leaves takes its watch along: the API server must not go on serving it.
func TestAWatchEndsWithItsCaller(t *testing.T) {
	r := newTLSRig(t, make(chan string))
	transport := r.client.Transport.(*http.Transport)
	request, _ := http.NewRequest("GET", r.url+"/api?watch=1", nil)
	begun := make(chan struct{})
	go func() {
		defer close(begun)
		client := &http.Client{Transport: transport, Timeout: 200 * time.Millisecond}
		if response, err := client.Do(request); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-begun
	deadline := time.Now().Add(5 * time.Second)
	for {
		r.proxy.mu.Lock()
		left := len(r.proxy.conns)
		r.proxy.mu.Unlock()
		if left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal(left, "connections are left")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// The same seed hits the same requests; the share is about what was asked for.
func TestChanceFollowsTheSeed(t *testing.T) {
	hits := func(seed uint64) string {
		faults := &Faults{}
		if _, err := faults.Add(Fault{Action: AnswerStatus, Status: 503, Chance: 0.25, Seed: seed}); err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequest("GET", "/x", nil)
		var seen strings.Builder
		for range 400 {
			if faults.Take(request).Action == AnswerStatus {
				seen.WriteByte('1')
			} else {
				seen.WriteByte('0')
			}
		}
		return seen.String()
	}
	first := hits(7)
	if first != hits(7) || first == hits(8) {
		t.Error("the seed does not decide")
	}
	if count := strings.Count(first, "1"); count < 60 || count > 140 {
		t.Errorf("%d of 400 were hit", count)
	}
	if _, err := (&Faults{}).Add(Fault{Action: CutBeforeSend, Chance: 1.5}); err == nil {
		t.Error("a chance above 1 was taken")
	}
}

// What one order lets pass, the next may hit.
func TestARequestThatChanceSparedGoesOnToTheNextOrder(t *testing.T) {
	faults := &Faults{}
	for _, order := range []Fault{
		{Action: CutBeforeSend, Chance: 1e-12}, {Action: AnswerStatus, Status: 500},
	} {
		if _, err := faults.Add(order); err != nil {
			t.Fatal(err)
		}
	}
	if got := faults.Take(httptest.NewRequest("GET", "/x", nil)); got.Action != AnswerStatus {
		t.Error(got)
	}
}

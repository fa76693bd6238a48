package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What goes over the wire, byte by byte where net/http would hide it: connections that stay or end,
// answers of every shape, and sides that leave in the middle.

// wire is one connection of a caller to the proxy.
type wire struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (r *rig) wire() *wire {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	r.t.Cleanup(func() { _ = conn.Close() })
	return &wire{r.t, conn, bufio.NewReader(conn)}
}

func (w *wire) send(text string) {
	w.t.Helper()
	if _, err := io.WriteString(w.conn, text); err != nil {
		w.t.Fatal(err)
	}
}

func (w *wire) read(method string) (*http.Response, string) {
	w.t.Helper()
	request, _ := http.NewRequest(method, "/", nil)
	response, err := http.ReadResponse(w.in, request)
	if err != nil {
		w.t.Fatalf("no answer to %s: %v", method, err)
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatalf("half an answer to %s: %q, %v", method, body, err)
	}
	return response, string(body)
}

// ended waits for the other side to close, and gives what came before.
func (w *wire) ended() string {
	w.t.Helper()
	rest, err := io.ReadAll(w.in)
	if err != nil {
		w.t.Fatalf("the connection did not end: %q, %v", rest, err)
	}
	return string(rest)
}

// upstream is a PD that says exactly what the test writes, whatever it is asked; each connection
// is played by the script.
func upstream(t *testing.T, script func(net.Conn, *bufio.Reader)) *rig {
	t.Helper()
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
				defer func() { _ = conn.Close() }()
				script(conn, bufio.NewReader(conn))
			}()
		}
	}()
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	r.stand(listener.Addr().String())
	return r
}

// says answers every request with the same bytes.
func says(answer string) func(net.Conn, *bufio.Reader) {
	return func(conn net.Conn, in *bufio.Reader) {
		for {
			request, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			if _, err := io.WriteString(conn, answer); err != nil {
				return
			}
		}
	}
}

const request = "GET /pd/api/v1/stores HTTP/1.1\r\nHost: pd\r\n\r\n"

// Answers keep their shape: a caller that waits for the end of a connection must see it, and one
// that keeps it alive must be able to ask again.
func TestAnswersKeepTheirShape(t *testing.T) {
	for _, c := range []struct {
		why, method, answer, body string
		status                    int
		again                     bool
	}{
		{"a length", "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, true},
		{"chunks", "GET",
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
			"hello", 200, true},
		{"nothing", "GET", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, true},
		{"an empty body", "POST", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, true},
		{"a length without a body, as HEAD has it", "HEAD",
			"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", 200, true},
		{"an end that is said", "GET",
			"HTTP/1.1 500 Oops\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno", "no", 500, false},
		{"an interim answer before the real one", "GET",
			"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok", 200, true},
	} {
		t.Run(c.why, func(t *testing.T) {
			r := upstream(t, says(c.answer))
			w := r.wire()
			times := 1
			if c.again {
				times = 2
			}
			for range times {
				w.send(c.method + " /x HTTP/1.1\r\nHost: pd\r\nContent-Length: 0\r\n\r\n")
				if response, body := w.read(c.method); response.StatusCode != c.status || body != c.body {
					t.Fatalf("%d %q", response.StatusCode, body)
				}
			}
			if !c.again {
				if rest := w.ended(); rest != "" {
					t.Errorf("after the answer: %q", rest)
				}
			}
			for _, entry := range r.entries(times) {
				if entry.Status != c.status || entry.PDStatus != c.status {
					t.Errorf("%+v", entry)
				}
			}
		})
	}
}

// Headers that PD sends, twice ones too, arrive as they are; nothing is added.
func TestHeadersOfAnAnswerAreNotTouched(t *testing.T) {
	r := upstream(t, says("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://pd-1/x\r\n"+
		"PD-Allow-Follower-Handle: a\r\nPD-Allow-Follower-Handle: b\r\nContent-Length: 0\r\n\r\n"))
	w := r.wire()
	w.send(request)
	response, _ := w.read("GET")
	if len(response.Header) != 3 || response.Header.Get("Location") != "http://pd-1/x" ||
		len(response.Header.Values("PD-Allow-Follower-Handle")) != 2 || response.StatusCode != 307 {
		t.Errorf("%d %v", response.StatusCode, response.Header)
	}
}

// Requests that are sent before the first answer came are answered in order, a line each.
func TestPipelinedRequestsAreAnsweredInOrder(t *testing.T) {
	r := newRig(t, echo)
	w := r.wire()
	var all strings.Builder
	for i := range 5 {
		fmt.Fprintf(&all, "POST /%d HTTP/1.1\r\nHost: pd\r\nContent-Length: 1\r\n\r\n%d", i, i)
	}
	w.send(all.String())
	for i := range 5 {
		if _, body := w.read("POST"); body != fmt.Sprintf("POST /%d %d", i, i) {
			t.Fatalf("answer %d is %q", i, body)
		}
	}
	for i, entry := range r.entries(5) {
		if entry.Path != fmt.Sprintf("/%d", i) || entry.Body != fmt.Sprint(i) {
			t.Errorf("line %d: %+v", i, entry)
		}
	}
}

// An ordered answer leaves the connection in step, whatever was asked: a body where none may be
// would be read as the next answer.
func TestAnOrderedAnswerLeavesTheConnectionInStep(t *testing.T) {
	for _, c := range []struct {
		method string
		status int
		body   string
	}{
		{"GET", 503, "no leader"}, {"DELETE", 404, "no leader"}, {"HEAD", 503, ""},
		{"GET", 204, ""}, {"GET", 304, ""},
	} {
		t.Run(fmt.Sprint(c.method, c.status), func(t *testing.T) {
			r := newRig(t, echo)
			r.fault(Fault{Action: AnswerStatus, Status: c.status, Body: "no leader", Count: 1})
			w := r.wire()
			w.send(c.method + " /first HTTP/1.1\r\nHost: pd\r\nContent-Length: 2\r\n\r\nxy")
			response, body := w.read(c.method)
			if response.StatusCode != c.status || body != c.body {
				t.Fatalf("%d %q", response.StatusCode, body)
			}
			w.send("GET /second HTTP/1.1\r\nHost: pd\r\n\r\n")
			if response, body := w.read("GET"); response.StatusCode != 200 || body != "GET /second " {
				t.Errorf("the next answer is %d %q", response.StatusCode, body)
			}
			lines := r.entries(2)
			if lines[0].Body != "xy" || lines[0].PDStatus != 0 || lines[1].Fault != "" {
				t.Errorf("%+v", lines)
			}
			if r.served.Load() != 1 {
				t.Errorf("PD was asked %d times", r.served.Load())
			}
		})
	}
}

// A PD that dies in the middle of its answer gave none: what it did is unknown, and the line says so.
func TestHalfAnAnswerOfPDIsNone(t *testing.T) {
	for why, answer := range map[string]string{
		"in the headers":    "HTTP/1.1 200 OK\r\nContent-Le",
		"in the body":       "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nhello",
		"between chunks":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n",
		"without a word":    "",
		"with no HTTP":      "SSH-2.0-OpenSSH\r\n\r\n",
		"after interim 103": "HTTP/1.1 103 Early Hints\r\n\r\n",
	} {
		t.Run(why, func(t *testing.T) {
			r := upstream(t, func(conn net.Conn, in *bufio.Reader) {
				if _, err := http.ReadRequest(in); err == nil {
					_, _ = io.WriteString(conn, answer)
				}
			})
			w := r.wire()
			w.send(request)
			if said := w.ended(); said != "" {
				t.Errorf("the caller got %q", said)
			}
			if entry := r.entries(1)[0]; entry.Status != 0 || entry.PDStatus != 0 || entry.Fault != "" {
				t.Errorf("%+v", entry)
			}
		})
	}
}

// A connection on which PD waits no longer is ended for the caller, too: its next request would
// get no answer, and it could not know whether PD had it.
func TestAnIdleConnectionEndsWithPDs(t *testing.T) {
	r := upstream(t, func(conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err == nil {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			time.Sleep(2 * watchAfter)
		}
	})
	w := r.wire()
	w.send(request)
	if _, body := w.read("GET"); body != "ok" {
		t.Fatal(body)
	}
	if rest := w.ended(); rest != "" {
		t.Errorf("%q", rest)
	}
	r.entries(1)
}

// A caller that leaves in the middle of its body never asked anything whole; the line shows what
// came, and PD is not left waiting.
func TestACallerThatLeavesInItsBody(t *testing.T) {
	r := upstream(t, func(conn net.Conn, in *bufio.Reader) {
		query, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, query.Body)
	})
	w := r.wire()
	w.send("POST /pd/api/v1/operators HTTP/1.1\r\nHost: pd\r\nContent-Length: 100\r\n\r\nhalf")
	_ = w.conn.(*net.TCPConn).CloseWrite()
	if said := w.ended(); said != "" {
		t.Errorf("%q", said)
	}
	if entry := r.entries(1)[0]; entry.Status != 0 || entry.Body != "half" {
		t.Errorf("%+v", entry)
	}
}

// What is no request ends the connection, and is no line.
func TestNonsenseIsNoLine(t *testing.T) {
	r := newRig(t, echo)
	w := r.wire()
	w.send("GET /a b c HTTP/1.1\r\n\r\n")
	if said := w.ended(); said != "" {
		t.Errorf("%q", said)
	}
	r.entries(0)
	if r.served.Load() != 0 {
		t.Error("PD was asked")
	}
}

// kubectl exec and the like change the protocol: from then on every byte passes as it is.
func TestAChangedProtocolIsSpliced(t *testing.T) {
	r := upstream(t, func(conn net.Conn, in *bufio.Reader) {
		if _, err := http.ReadRequest(in); err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
		_, _ = io.Copy(conn, in)
	})
	w := r.wire()
	w.send("GET /exec HTTP/1.1\r\nHost: pd\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
	if response, _ := w.read("GET"); response.StatusCode != 101 {
		t.Fatal(response.StatusCode)
	}
	w.send("GET is no request here\r\n\r\n")
	_ = w.conn.(*net.TCPConn).CloseWrite()
	if echoed := w.ended(); echoed != "GET is no request here\r\n\r\n" {
		t.Errorf("%q", echoed)
	}
	if entry := r.entries(1)[0]; entry.Status != 101 || entry.PDStatus != 101 {
		t.Errorf("%+v", entry)
	}
}

// An answer that is too large to be held comes whole all the same, its line before it.
func TestTheLineOfALargeAnswerIsNotLate(t *testing.T) {
	const size = answerLimit + answerLimit/2
	release := make(chan struct{})
	r := newRig(t, func(out http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(out, strings.Repeat("a", answerLimit))
		out.(http.Flusher).Flush()
		<-release
		_, _ = io.WriteString(out, strings.Repeat("b", size-answerLimit))
	})
	w := r.wire()
	w.send(request)
	if entry := r.entries(1)[0]; entry.Status != 200 {
		t.Errorf("%+v", entry)
	}
	close(release)
	if _, body := w.read("GET"); len(body) != size || body[size-1] != 'b' {
		t.Errorf("%d bytes", len(body))
	}
}

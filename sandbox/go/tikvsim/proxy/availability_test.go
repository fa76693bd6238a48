package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

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

// A member that is cut off loses what it has: requests under way and gRPC streams end, and no line
// says that an answer was sent.
func TestAPartitionEndsWhatIsUnderWay(t *testing.T) {
	asked, release := make(chan struct{}), make(chan struct{})
	r := newRig(t, func(_ http.ResponseWriter, q *http.Request) {
		if q.Method == "POST" { // net/http shows the beginning of HTTP/2 as a request, too
			close(asked)
		}
		<-release
	})
	t.Cleanup(func() { close(release) })
	request := r.wire()
	request.send("POST /pd/api/v1/operators HTTP/1.1\r\nHost: pd\r\nContent-Length: 0\r\n\r\n")
	stream := r.wire()
	stream.send("PRI * HTTP/2.0\r\n\r\n")
	<-asked
	if err := r.proxy.Partition(true); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*wire{request, stream} {
		if _, err := io.ReadAll(one.in); os.IsTimeout(err) {
			t.Error("a connection outlives the partition")
		}
	}
	if entry := r.entries(1)[0]; entry.Status != 0 {
		t.Errorf("%+v", entry)
	}
	waitFor(t, "no connections", func() bool { return r.proxy.status().Connections == 0 })
}

// A partition of a partition is one, and its end is the end: tests mend what others ordered.
func TestPartitionsDoNotAddUp(t *testing.T) {
	r := newRig(t, echo)
	for _, cut := range []bool{false, true, true, false, false} {
		if err := r.proxy.Partition(cut); err != nil {
			t.Fatal(err)
		}
		_, _, err := r.do("GET", "/", "")
		if (err != nil) != cut {
			t.Errorf("cut %t: %v", cut, err)
		}
		if status := r.proxy.status(); status.Partitioned != cut || status.Listening == cut {
			t.Errorf("%+v", status)
		}
	}
}

// PD may die and come back while it is cut off: the proxy stays closed until both are over.
func TestADeadMemberBehindAPartitionStaysAway(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	address := server.Listener.Addr().String()
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	r.stand(address)
	if _, _, err := r.do("GET", "/", ""); err != nil {
		t.Fatal(err)
	}
	server.CloseClientConnections()
	server.Close()
	waitFor(t, "the proxy notices", func() bool { return !r.proxy.status().Listening })
	if err := r.proxy.Partition(true); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	again := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.HandlerFunc(echo)}}
	again.Start()
	t.Cleanup(again.Close)
	waitFor(t, "the proxy notices that PD is back", func() bool {
		r.proxy.mu.Lock()
		defer r.proxy.mu.Unlock()
		return !r.proxy.reviving
	})
	if r.proxy.status().Listening {
		t.Error("it listens although it is cut off")
	}
	if err := r.proxy.Partition(false); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.do("GET", "/", ""); err != nil {
		t.Errorf("both are over: %v", err)
	}
}

// Closed is closed, also for a proxy that waits for its PD.
func TestAClosedProxyStaysClosed(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	r := &rig{t: t, journal: filepath.Join(t.TempDir(), "journal.jsonl")}
	r.stand(strings.TrimPrefix(server.URL, "http://"))
	w := r.wire()
	w.send("GET / HTTP/1.1\r\nHost: pd\r\n\r\n")
	w.read("GET")
	r.proxy.Close()
	if rest := w.ended(); rest != "" {
		t.Errorf("%q", rest)
	}
	server.Close()
	r.proxy.upstreamFailed(syscall.ECONNREFUSED)
	if _, _, err := r.do("GET", "/", ""); err == nil || r.proxy.status().Listening {
		t.Error("it answers")
	}
}

// The port is chosen once: who was told of it finds the proxy there after every mishap.
func TestTheAddressStaysTheSame(t *testing.T) {
	r := newRig(t, echo)
	before := r.proxy.status().Listen
	for range 3 {
		_ = r.proxy.Partition(true)
		if err := r.proxy.Partition(false); err != nil {
			t.Fatal(err)
		}
	}
	if after := r.proxy.status().Listen; after != before || r.url != "http://"+after {
		t.Errorf("%s became %s", before, after)
	}
	if _, err := New("127.0.0.1:1", nil, r.proxy.log).Listen(before); err == nil {
		t.Error("two proxies on one port")
	}
}

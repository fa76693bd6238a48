package proxy

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
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

package proxy

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	dialTimeout  = 2 * time.Second
	revivalPause = 50 * time.Millisecond
	// methodBytes tell an HTTP/1 method from the HTTP/2 preface ("PRI ") and from TLS.
	methodBytes = 4
)

var methods = map[string]bool{
	"GET ": true, "HEAD": true, "POST": true, "PUT ": true, "PATC": true,
	"DELE": true, "OPTI": true, "TRAC": true,
}

// Proxy stands in front of one upstream. While the upstream refuses connections it does not listen
// either, so that callers are refused as they would be by a dead PD.
type Proxy struct {
	upstream string
	journal  *Journal
	faults   *Faults
	log      *slog.Logger
	inside   *tls.Config
	outside  *tls.Config

	mu       sync.Mutex
	address  string
	listener net.Listener
	conns    map[net.Conn]struct{}
	cut      bool
	reviving bool
	closed   bool
}

// New gives a proxy for upstream (host:port). Listen starts it.
func New(upstream string, journal *Journal, log *slog.Logger) *Proxy {
	return &Proxy{
		upstream: upstream, journal: journal, faults: &Faults{}, log: log,
		conns: make(map[net.Conn]struct{}),
	}
}

// Encrypt makes the proxy end TLS for its callers and begin it anew towards the upstream, so that it
// sees what is said. Call it before Listen.
func (p *Proxy) Encrypt(callers, upstream *tls.Config) { p.inside, p.outside = callers, upstream }

// Listen binds address (port 0 = free) and serves in the background; it gives the bound address.
func (p *Proxy) Listen(address string) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.address = address
	if err := p.open(); err != nil {
		return "", err
	}
	return p.address, nil
}

// open listens on the address, which is the same each time. The lock is held.
func (p *Proxy) open() error {
	listener, err := net.Listen("tcp", p.address)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if p.address = listener.Addr().String(); p.inside != nil {
		listener = tls.NewListener(listener, p.inside)
	}
	p.listener = listener
	go p.accept(listener)
	return nil
}

func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				p.log.Warn("accept", "error", err)
				continue
			}
			return
		}
		go p.serve(conn)
	}
}

func (p *Proxy) serve(client net.Conn) {
	if !p.track(client) {
		return
	}
	defer p.drop(client)
	upstream, err := p.dial()
	if err != nil {
		p.upstreamFailed(err)
		return
	}
	if !p.track(upstream) {
		return
	}
	defer p.drop(upstream)
	reader := bufio.NewReader(client)
	first, _ := reader.Peek(methodBytes)
	if methods[string(first)] {
		exchange := &exchange{
			proxy: p, client: client, upstream: upstream,
			fromClient: reader, fromUpstream: bufio.NewReader(upstream),
		}
		exchange.run()
	} else {
		splice(client, reader, upstream, upstream)
	}
	p.probe()
}

// dial connects to the upstream as callers would.
func (p *Proxy) dial() (net.Conn, error) {
	if p.outside == nil {
		return net.DialTimeout("tcp", p.upstream, dialTimeout)
	}
	return tls.DialWithDialer(&net.Dialer{Timeout: dialTimeout}, "tcp", p.upstream, p.outside)
}

// splice passes bytes both ways until both directions ended.
func splice(client net.Conn, fromClient io.Reader, upstream net.Conn, fromUpstream io.Reader) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(client, fromUpstream)
		closeWrite(client)
	}()
	// An error here is one side that ended; the other side is told by the closed half.
	_, _ = io.Copy(upstream, fromClient)
	closeWrite(upstream)
	<-done
}

func closeWrite(conn net.Conn) {
	if half, ok := conn.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

func (p *Proxy) track(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.cut {
		_ = conn.Close()
		return false
	}
	p.conns[conn] = struct{}{}
	return true
}

func (p *Proxy) drop(conn net.Conn) {
	p.mu.Lock()
	delete(p.conns, conn)
	p.mu.Unlock()
	_ = conn.Close()
}

// probe asks after a connection ended whether the upstream still listens.
func (p *Proxy) probe() {
	conn, err := net.DialTimeout("tcp", p.upstream, dialTimeout)
	if err != nil {
		p.upstreamFailed(err)
		return
	}
	_ = conn.Close()
}

// upstreamFailed stops listening while the upstream refuses connections.
func (p *Proxy) upstreamFailed(err error) {
	if !errors.Is(err, syscall.ECONNREFUSED) {
		p.log.Warn("upstream", "error", err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.reviving {
		return
	}
	p.log.Info("the upstream refuses connections, so does the proxy")
	p.reviving = true
	p.shut()
	go p.revive()
}

// shut ends the listener and all connections. The lock is held.
func (p *Proxy) shut() {
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	for conn := range p.conns {
		_ = conn.Close()
	}
}

// revive listens again once the upstream does.
func (p *Proxy) revive() {
	for {
		time.Sleep(revivalPause)
		conn, err := net.DialTimeout("tcp", p.upstream, dialTimeout)
		if err == nil {
			_ = conn.Close()
		}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return
		}
		if err == nil {
			p.reviving = false
			if p.cut || p.open() == nil {
				p.mu.Unlock()
				p.log.Info("the upstream is back")
				return
			}
			p.reviving = true
		}
		p.mu.Unlock()
	}
}

// Partition cuts the member off, gRPC and all, or lets everything pass again.
func (p *Proxy) Partition(cut bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cut == cut {
		return nil
	}
	p.cut = cut
	if cut {
		p.shut()
		return nil
	}
	if p.reviving {
		return nil
	}
	return p.open()
}

// Close ends the proxy and all connections.
func (p *Proxy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.shut()
}

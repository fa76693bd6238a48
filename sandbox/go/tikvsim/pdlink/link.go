// Package pdlink keeps a connection to PD's leader: it finds it through any member's client URL,
// notices when it changes and connects again.
package pdlink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sync"
	"time"

	"github.com/pingcap/kvproto/pkg/pdpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	probeTimeout  = 2 * time.Second
	probeInterval = 2 * time.Second
	retryInterval = 200 * time.Millisecond
	// A page of ScanRegions at 100,000 regions is larger than gRPC's 4 MiB.
	maxMessageBytes = 256 << 20
)

// Reign is the time in which one member leads. Its context ends when the leader changes or when
// somebody reports it as unusable.
type Reign struct {
	Context context.Context
	Client  pdpb.PDClient
	URL     string
	Cluster uint64

	conn *grpc.ClientConn
	end  context.CancelFunc
}

// Header identifies the cluster, as every request but GetMembers must.
func (r *Reign) Header() *pdpb.RequestHeader {
	return &pdpb.RequestHeader{ClusterId: r.Cluster}
}

// Unusable ends the reign; the link then looks for the leader again.
func (r *Reign) Unusable() { r.end() }

// Link follows the leader until its context ends.
type Link struct {
	credentials credentials.TransportCredentials
	log         *slog.Logger

	mu      sync.Mutex
	urls    []string
	reign   *Reign
	changed chan struct{}
}

// New gives a link that knows PD by the client URLs. tlsConfig nil means plain text. Run must be
// called for it to find anything.
func New(urls []string, tlsConfig *tls.Config, log *slog.Logger) *Link {
	link := &Link{
		urls: urls, credentials: insecure.NewCredentials(), log: log,
		changed: make(chan struct{}),
	}
	if tlsConfig != nil {
		link.credentials = credentials.NewTLS(tlsConfig)
	}
	return link
}

// Run finds and follows the leader until ctx ends.
func (l *Link) Run(ctx context.Context) {
	for ctx.Err() == nil {
		reign, err := l.find(ctx)
		if err != nil {
			l.log.Warn("no PD leader found", "error", err)
			pause(ctx, retryInterval)
			continue
		}
		l.log.Info("following PD leader", "url", reign.URL)
		l.publish(reign)
		l.watch(reign)
		l.publish(nil)
		reign.end()
		_ = reign.conn.Close()
	}
}

// Current waits for a leader. The error is ctx's.
func (l *Link) Current(ctx context.Context) (*Reign, error) {
	for {
		l.mu.Lock()
		reign, changed := l.reign, l.changed
		l.mu.Unlock()
		if reign != nil && reign.Context.Err() == nil {
			return reign, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-changed:
		case <-time.After(retryInterval):
		}
	}
}

// LeaderURL gives the leader's client URL, empty while none is known.
func (l *Link) LeaderURL() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reign == nil {
		return ""
	}
	return l.reign.URL
}

func (l *Link) publish(reign *Reign) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reign = reign
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *Link) find(ctx context.Context) (*Reign, error) {
	l.mu.Lock()
	urls := append([]string(nil), l.urls...)
	l.mu.Unlock()
	failures := []error{errors.New("asked every known member")}
	for _, address := range urls {
		members, err := l.members(ctx, address)
		if err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", address, err))
			continue
		}
		l.remember(members)
		leader := members.GetLeader().GetClientUrls()
		if len(leader) == 0 {
			failures = append(failures, fmt.Errorf("%s: no leader", address))
			continue
		}
		return l.connect(ctx, leader[0], members.GetHeader().GetClusterId())
	}
	return nil, errors.Join(failures...)
}

func (l *Link) connect(ctx context.Context, address string, cluster uint64) (*Reign, error) {
	conn, err := l.dial(address)
	if err != nil {
		return nil, err
	}
	reignContext, end := context.WithCancel(ctx)
	return &Reign{
		Context: reignContext, Client: pdpb.NewPDClient(conn), URL: address, Cluster: cluster,
		conn: conn, end: end,
	}, nil
}

// watch returns when the reign is over: reported, or another member leads, or this one is mute.
func (l *Link) watch(reign *Reign) {
	failures := 0
	for pause(reign.Context, probeInterval) {
		members, err := getMembers(reign.Context, reign.Client)
		if err != nil {
			if failures++; failures > 1 {
				return
			}
			continue
		}
		failures = 0
		l.remember(members)
		leader := members.GetLeader().GetClientUrls()
		if len(leader) > 0 && leader[0] != reign.URL {
			return
		}
	}
}

func (l *Link) members(ctx context.Context, address string) (*pdpb.GetMembersResponse, error) {
	conn, err := l.dial(address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	return getMembers(ctx, pdpb.NewPDClient(conn))
}

func getMembers(ctx context.Context, client pdpb.PDClient) (*pdpb.GetMembersResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return client.GetMembers(ctx, &pdpb.GetMembersRequest{})
}

// remember adds the members' URLs, so that the leader is found when the first ones are gone.
func (l *Link) remember(members *pdpb.GetMembersResponse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := make(map[string]bool, len(l.urls))
	for _, address := range l.urls {
		known[address] = true
	}
	for _, member := range members.GetMembers() {
		for _, address := range member.GetClientUrls() {
			if !known[address] {
				known[address] = true
				l.urls = append(l.urls, address)
			}
		}
	}
}

func (l *Link) dial(address string) (*grpc.ClientConn, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" {
		return nil, fmt.Errorf("not a client URL: %q", address)
	}
	return grpc.Dial(parsed.Host,
		grpc.WithTransportCredentials(l.credentials),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessageBytes)),
		grpc.WithNoProxy())
}

// pause waits; false means the context ended first.
func pause(ctx context.Context, duration time.Duration) bool {
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

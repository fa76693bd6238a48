package pdlink

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/pingcap/kvproto/pkg/pdpb"
	"google.golang.org/grpc"
)

// member answers GetMembers, as every PD member does.
type member struct {
	pdpb.UnimplementedPDServer
	url    string
	server *grpc.Server

	mu     sync.Mutex
	leader string
	known  []string
}

func (m *member) GetMembers(context.Context, *pdpb.GetMembersRequest) (*pdpb.GetMembersResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	answer := &pdpb.GetMembersResponse{Header: &pdpb.ResponseHeader{ClusterId: 42}}
	if m.leader != "" {
		answer.Leader = &pdpb.Member{ClientUrls: []string{m.leader}}
	}
	for _, address := range m.known {
		answer.Members = append(answer.Members, &pdpb.Member{ClientUrls: []string{address}})
	}
	return answer, nil
}

func (m *member) says(leader string, known ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.leader, m.known = leader, known
}

func newMember(t *testing.T) *member {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &member{url: "http://" + listener.Addr().String(), server: grpc.NewServer()}
	pdpb.RegisterPDServer(m.server, m)
	go func() { _ = m.server.Serve(listener) }()
	t.Cleanup(m.server.Stop)
	return m
}

func follow(t *testing.T, urls ...string) (*Link, context.Context) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	link := New(urls, nil, slog.New(slog.NewTextHandler(io.Discard, nil)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		link.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return link, ctx
}

func current(t *testing.T, link *Link, ctx context.Context) *Reign {
	t.Helper()
	reign, err := link.Current(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return reign
}

// Any member leads to the leader, and a dead one in the list is passed over.
func TestFindsTheLeaderThroughAnyMember(t *testing.T) {
	one, two := newMember(t), newMember(t)
	one.says(two.url)
	two.says(two.url)
	link, ctx := follow(t, "http://127.0.0.1:1", "nonsense", one.url)
	reign := current(t, link, ctx)
	if reign.URL != two.url || reign.Header().GetClusterId() != 42 || link.LeaderURL() != two.url {
		t.Errorf("%s of cluster %d", reign.URL, reign.Cluster)
	}
}

// When another member leads, the old reign's context ends and the next one is found.
func TestFollowsALeaderChange(t *testing.T) {
	one, two := newMember(t), newMember(t)
	one.says(one.url)
	two.says(two.url)
	link, ctx := follow(t, one.url)
	first := current(t, link, ctx)
	one.says(two.url)
	select {
	case <-first.Context.Done():
	case <-ctx.Done():
		t.Fatal("the old reign never ends")
	}
	if next := current(t, link, ctx); next.URL != two.url {
		t.Errorf("following %s", next.URL)
	}
}

// A link that was given one member finds the others through it, and outlives it.
func TestRemembersTheOtherMembers(t *testing.T) {
	one, two := newMember(t), newMember(t)
	one.says(one.url, one.url, two.url)
	two.says(two.url)
	link, ctx := follow(t, one.url)
	first := current(t, link, ctx)
	one.server.Stop()
	first.Unusable()
	for {
		if next := current(t, link, ctx); next.URL == two.url {
			return
		}
		if !pause(ctx, 10*time.Millisecond) {
			t.Fatal("the second member was never asked")
		}
	}
}

// Without a leader Current waits, as long as its caller does.
func TestWaitsForALeader(t *testing.T) {
	one := newMember(t)
	link, ctx := follow(t, one.url)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	if _, err := link.Current(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("%v", err)
	}
	if link.LeaderURL() != "" {
		t.Errorf("leader %s", link.LeaderURL())
	}
	one.says(one.url)
	if reign := current(t, link, ctx); reign.URL != one.url {
		t.Errorf("%s", reign.URL)
	}
}

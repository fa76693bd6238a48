// Command tikvsim plays TiKV stores against a real PD.
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/pingcap/kvproto/pkg/metapb"

	"assent.tikv.org/sandbox/tikvsim/effect"
	"assent.tikv.org/sandbox/tikvsim/pdlink"
	"assent.tikv.org/sandbox/tikvsim/sim"
)

type options struct {
	pd, control, effects, ready, version, address, level string
	cacert, cert, key                                    string
	layout                                               sim.Layout
	storeBeat, regionBeat, snapshotDelay                 time.Duration
	capacityGiB                                          uint64
}

func main() {
	if err := run(parse()); err != nil {
		fmt.Fprintln(os.Stderr, "tikvsim:", err)
		os.Exit(1)
	}
}

func parse() options {
	var o options
	flag.StringVar(&o.pd, "pd", "", "PD client URLs, with commas between them (needed)")
	flag.IntVar(&o.layout.Stores, "stores", 4, "how many stores")
	flag.IntVar(&o.layout.Regions, "regions", 100, "how many regions, at least 5")
	flag.IntVar(&o.layout.Replicas, "replicas", 3, "replicas of each region")
	flag.Uint64Var(&o.layout.SizeMB, "region-size-mb", 96, "size of each region")
	flag.Uint64Var(&o.layout.Keys, "region-keys", 960_000, "keys of each region")
	flag.StringVar(&o.control, "control", "127.0.0.1:0", "address of the control API, port 0 = free")
	flag.StringVar(&o.effects, "log", "", "file of the effect log")
	flag.StringVar(&o.ready, "ready-file", "", "file that appears when PD knows all regions")
	flag.StringVar(&o.version, "tikv-version", "8.1.0", "version the stores report")
	flag.StringVar(&o.address, "address", "demo-tikv-%d.demo-tikv-peer.tikv.svc:20160",
		"address of each store, %d is its place from 0")
	flag.Uint64Var(&o.capacityGiB, "capacity-gib", 0, "capacity of each store, 0 = enough")
	flag.DurationVar(&o.storeBeat, "store-heartbeat", 10*time.Second, "store heartbeat interval")
	flag.DurationVar(&o.regionBeat, "region-heartbeat", time.Minute, "region heartbeat interval")
	flag.DurationVar(&o.snapshotDelay, "snapshot-delay", 0, "how long a new peer is pending")
	flag.StringVar(&o.cacert, "cacert", "", "CA of a PD that wants TLS")
	flag.StringVar(&o.cert, "cert", "", "client certificate for that PD")
	flag.StringVar(&o.key, "key", "", "key of that certificate")
	flag.StringVar(&o.level, "log-level", "info", "debug, info, warn or error; debug names refusals")
	flag.Parse()
	return o
}

func (o options) check() error {
	switch {
	case o.pd == "":
		return errors.New("-pd is needed")
	case o.layout.Stores < 1 || o.layout.Replicas < 1:
		return errors.New("-stores and -replicas must be 1 or more")
	case o.layout.Regions < sim.LeastRegions:
		return fmt.Errorf("-regions must be %d or more: PD cuts the default keyspace into as many",
			sim.LeastRegions)
	case o.storeBeat <= 0 || o.regionBeat <= 0:
		return errors.New("heartbeat intervals must be more than 0")
	case !strings.Contains(o.address, "%d"):
		return errors.New("-address must contain %d: stores need different addresses")
	}
	return nil
}

func run(o options) error {
	if err := o.check(); err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(o.level)); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	security, err := o.tls()
	if err != nil {
		return err
	}
	effects, err := effect.Open(o.effects)
	if err != nil {
		return err
	}
	defer func() { _ = effects.Close() }()
	listener, err := net.Listen("tcp", o.control)
	if err != nil {
		return fmt.Errorf("listen for the control API: %w", err)
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)

	link := pdlink.New(strings.Split(o.pd, ","), security, log)
	world := sim.NewWorld(effects, log, o.regionBeat, o.capacityGiB<<30, link.LeaderURL, fail)
	world.SetSnapshotDelay(o.snapshotDelay)
	simulation := sim.New(world, link, o.config(), log)
	server := &http.Server{
		Handler:           simulation.Control(ctx, stop),
		ReadHeaderTimeout: 5 * time.Second,
	}
	go func() { _ = server.Serve(listener) }()
	defer end(server)
	fmt.Printf("control=http://%s\n", listener.Addr())
	go link.Run(ctx)
	err = simulation.Run(ctx, func() { o.announce(log) })
	if cause := context.Cause(ctx); cause != nil && !errors.Is(cause, context.Canceled) {
		return cause
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (o options) config() sim.Config {
	return sim.Config{
		Layout:    o.layout,
		Version:   o.version,
		StoreBeat: o.storeBeat,
		Address:   func(place int) string { return fmt.Sprintf(o.address, place) },
		Labels: func(place int) []*metapb.StoreLabel {
			return []*metapb.StoreLabel{
				{Key: "zone", Value: fmt.Sprintf("z%d", place%3+1)},
				{Key: "host", Value: fmt.Sprintf("host-%d", place)},
			}
		},
	}
}

func (o options) announce(log *slog.Logger) {
	fmt.Println("ready")
	if o.ready == "" {
		return
	}
	if err := os.WriteFile(o.ready, []byte("ready\n"), 0o644); err != nil {
		log.Error("cannot write the ready file", "error", err)
	}
}

// tls gives nil for a PD that speaks plain text.
func (o options) tls() (*tls.Config, error) {
	if o.cacert == "" {
		return nil, nil
	}
	authorities, err := os.ReadFile(o.cacert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authorities) {
		return nil, fmt.Errorf("no certificate in %s", o.cacert)
	}
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// end closes the server once who asked last, for the end perhaps, has the answer.
func end(server *http.Server) {
	patience, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(patience) != nil {
		_ = server.Close()
	}
}

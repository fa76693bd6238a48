// Command pdproxy is a journaling proxy in front of one PD member.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"assent.tikv.org/sandbox/tikvsim/proxy"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on, port 0 = free")
	upstream := flag.String("upstream", "", "host:port of the PD member (needed)")
	journal := flag.String("journal", "", "file of the journal (needed)")
	control := flag.String("control", "127.0.0.1:0", "address of the control API, port 0 = free")
	flag.Parse()
	if err := run(*listen, *upstream, *journal, *control); err != nil {
		fmt.Fprintln(os.Stderr, "pdproxy:", err)
		os.Exit(1)
	}
}

func run(listen, upstream, journalPath, control string) error {
	if upstream == "" || journalPath == "" {
		return errors.New("-upstream and -journal are needed")
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	journal, err := proxy.OpenJournal(journalPath, fail)
	if err != nil {
		return err
	}
	defer func() { _ = journal.Close() }()
	door := proxy.New(upstream, journal, log)
	defer door.Close()
	controls, err := net.Listen("tcp", control)
	if err != nil {
		return fmt.Errorf("listen for the control API: %w", err)
	}
	server := &http.Server{Handler: door.Control(stop), ReadHeaderTimeout: 5 * time.Second}
	defer func() { _ = server.Close() }()
	go func() { _ = server.Serve(controls) }()
	address, err := door.Listen(listen)
	if err != nil {
		return err
	}
	fmt.Printf("listen=http://%s\ncontrol=http://%s\nready\n", address, controls.Addr())
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return nil
}

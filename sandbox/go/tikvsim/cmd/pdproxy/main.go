// Command pdproxy is a journaling proxy in front of one PD member, or of an API server.
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
	"syscall"
	"time"

	"assent.tikv.org/sandbox/tikvsim/proxy"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen on, port 0 = free")
	upstream := flag.String("upstream", "", "host:port of the PD member (needed)")
	journal := flag.String("journal", "", "file of the journal (needed)")
	control := flag.String("control", "127.0.0.1:0", "address of the control API, port 0 = free")
	var own files
	flag.StringVar(&own.certificate, "tls-cert", "", "certificate for callers; then all is TLS")
	flag.StringVar(&own.key, "tls-key", "", "its key")
	flag.StringVar(&own.authority, "upstream-ca", "", "authority of the upstream's certificate")
	flag.Parse()
	if err := run(*listen, *upstream, *journal, *control, own); err != nil {
		fmt.Fprintln(os.Stderr, "pdproxy:", err)
		os.Exit(1)
	}
}

// files are those that TLS needs; all empty means plain HTTP.
type files struct{ certificate, key, authority string }

func (f files) encrypt(door *proxy.Proxy) error {
	if f == (files{}) {
		return nil
	}
	pair, err := tls.LoadX509KeyPair(f.certificate, f.key)
	if err != nil {
		return fmt.Errorf("load the certificate for callers: %w", err)
	}
	pem, err := os.ReadFile(f.authority)
	if err != nil {
		return fmt.Errorf("read the upstream's authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("no certificate in %s", f.authority)
	}
	only := []string{"http/1.1"}
	door.Encrypt(
		&tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: only, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: roots, NextProtos: only, MinVersion: tls.VersionTLS12},
	)
	return nil
}

func run(listen, upstream, journalPath, control string, own files) error {
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
	if err := own.encrypt(door); err != nil {
		return err
	}
	controls, err := net.Listen("tcp", control)
	if err != nil {
		return fmt.Errorf("listen for the control API: %w", err)
	}
	server := &http.Server{Handler: door.Control(stop), ReadHeaderTimeout: 5 * time.Second}
	defer end(server)
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

// end closes the server once who asked last, for the end perhaps, has the answer.
func end(server *http.Server) {
	patience, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if server.Shutdown(patience) != nil {
		_ = server.Close()
	}
}

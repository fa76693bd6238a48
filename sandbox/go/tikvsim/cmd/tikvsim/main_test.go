package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"assent.tikv.org/sandbox/tikvsim/sim"
)

// The program itself, run as the sandbox runs it: this test binary plays it when told to.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY_TIKVSIM") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), "PLAY_TIKVSIM=1")
	return command
}

func good() options {
	return options{
		pd: "http://127.0.0.1:2379", address: "tikv-%d:20160", level: "info", control: "127.0.0.1:0",
		layout: sim.Layout{Stores: 4, Regions: 100, Replicas: 3}, version: "8.1.0",
		storeBeat: time.Second, regionBeat: time.Minute,
	}
}

// What makes no sense is refused before anything is said to PD.
func TestOptionsThatMakeNoSense(t *testing.T) {
	if err := good().check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		why, says string
		spoil     func(*options)
	}{
		{"nobody to speak to", "-pd is needed", func(o *options) { o.pd = "" }},
		{"no stores", "1 or more", func(o *options) { o.layout.Stores = 0 }},
		{"no replicas", "1 or more", func(o *options) { o.layout.Replicas = 0 }},
		{"fewer regions than PD cuts by itself", "5 or more", func(o *options) { o.layout.Regions = 4 }},
		{"stores that never speak", "more than 0", func(o *options) { o.storeBeat = 0 }},
		{"regions that never speak", "more than 0", func(o *options) { o.regionBeat = -time.Second }},
		{"one address for all", "different addresses", func(o *options) { o.address = "tikv:20160" }},
	} {
		t.Run(c.why, func(t *testing.T) {
			o := good()
			c.spoil(&o)
			if err := o.check(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// Each store is a place of its own: PD spreads replicas by these labels.
func TestEveryStoreHasItsPlace(t *testing.T) {
	config := good().config()
	addresses, hosts, zones := make(map[string]bool), make(map[string]bool), make(map[string]int)
	for place := range 6 {
		addresses[config.Address(place)] = true
		for _, label := range config.Labels(place) {
			switch label.GetKey() {
			case "host":
				hosts[label.GetValue()] = true
			case "zone":
				zones[label.GetValue()]++
			}
		}
	}
	if len(addresses) != 6 || len(hosts) != 6 || fmt.Sprint(zones) != "map[z1:2 z2:2 z3:2]" {
		t.Errorf("%v %v %v", addresses, hosts, zones)
	}
	if config.Version != "8.1.0" || config.StoreBeat != time.Second || config.Layout != good().layout {
		t.Errorf("%+v", config)
	}
}

// What cannot start says so in one sentence and exit code 1: the sandbox shows it.
func TestWhatCannotStartSaysWhy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	for _, c := range []struct {
		why, says string
		arguments []string
	}{
		{"nobody to speak to", "tikvsim: -pd is needed", nil},
		{"a level that is none", "tikvsim: ", []string{"-pd=http://127.0.0.1:1", "-log-level=loud"}},
		{"an effect log in no folder", "open the effect log",
			[]string{"-pd=http://127.0.0.1:1", "-log=/no/such/folder/effects"}},
		{"a control port that is taken", "address already in use",
			[]string{"-pd=http://127.0.0.1:1", "-control=" + taken.Addr().String()}},
		{"an authority that is not there", "no such file",
			[]string{"-pd=http://127.0.0.1:1", "-cacert=/no/such/file"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			said, err := program(t, c.arguments...).CombinedOutput()
			var ended *exec.ExitError
			if !errors.As(err, &ended) || ended.ExitCode() != 1 || !strings.Contains(string(said), c.says) {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// Without a PD it waits for one, and can be ended meanwhile: exit code 0, as after any order.
func TestWaitingForPDCanBeEnded(t *testing.T) {
	command := program(t, "-pd=http://127.0.0.1:1", "-log-level=error")
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	first := make([]byte, len("control=http://"))
	if _, err := out.Read(first); err != nil || !strings.HasPrefix(string(first), "control=") {
		t.Errorf("it says %q, %v", first, err)
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// The ready file is for who cannot read standard output; that it cannot be written ends nothing.
func TestTheReadyFile(t *testing.T) {
	o := good()
	o.ready = filepath.Join(t.TempDir(), "ready")
	o.announce(nil)
	if content, err := os.ReadFile(o.ready); err != nil || string(content) != "ready\n" {
		t.Errorf("%q %v", content, err)
	}
}

// pemFiles are a certificate that is its own authority, and its key.
func pemFiles(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for name, block := range map[string]*pem.Block{
		"crt": {Type: "CERTIFICATE", Bytes: raw}, "key": {Type: "EC PRIVATE KEY", Bytes: encoded},
	} {
		if err := os.WriteFile(filepath.Join(folder, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "crt"), filepath.Join(folder, "key")
}

// A PD that wants TLS gets the client's certificate where there is one; files that are no
// certificates are errors, not a connection without TLS.
func TestTLS(t *testing.T) {
	certificate, key := pemFiles(t)
	if config, err := good().tls(); config != nil || err != nil {
		t.Errorf("plain text needs no files: %v %v", config, err)
	}
	o := good()
	o.cacert = certificate
	if config, err := o.tls(); err != nil || config.RootCAs == nil || len(config.Certificates) != 0 {
		t.Errorf("%v %v", config, err)
	}
	o.cert, o.key = certificate, key
	if config, err := o.tls(); err != nil || len(config.Certificates) != 1 {
		t.Errorf("%v %v", config, err)
	}
	o.key = certificate
	if _, err := o.tls(); err == nil {
		t.Error("a certificate is no key")
	}
	o.cacert = key
	if _, err := o.tls(); err == nil || !strings.Contains(err.Error(), "no certificate") {
		t.Errorf("a key is no authority: %v", err)
	}
}

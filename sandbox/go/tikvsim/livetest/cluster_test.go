//go:build live

// Package livetest tries the simulated stores and the proxy on a real PD:
//
//	go test -tags live ./livetest -pd-server PATH
package livetest

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var (
	pdServer = flag.String("pd-server", "", "path of a pd-server binary (needed)")
	binaries string
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(runAll(m))
}

func runAll(m *testing.M) int {
	if *pdServer == "" {
		fmt.Fprintln(os.Stderr, "-pd-server PATH is needed: these tests run on a real PD")
		return 2
	}
	folder, err := os.MkdirTemp("", "tikvsim-live-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binaries = folder
	build := exec.Command("go", "build", "-o", folder+"/", "../cmd/tikvsim", "../cmd/pdproxy")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building:", err)
		return 2
	}
	return m.Run()
}

// cluster is PD behind proxies, with simulated stores.
type cluster struct {
	t       *testing.T
	folder  string
	members []*member
	sim     *process
	control string
	simArgs []string
}

type member struct {
	name, direct, url, peerURL, control, journal string
	pd, proxy                                    *process
}

type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

// start runs a program until the test ends; its output goes to a file that a failure prints.
func (c *cluster) start(name string, env []string, program string, args ...string) *process {
	c.t.Helper()
	output, err := os.Create(filepath.Join(c.folder, name+".out"))
	must(c.t, err)
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.Env = append(os.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	must(c.t, cmd.Start())
	p := &process{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		_ = output.Close()
		close(p.done)
	}()
	c.t.Cleanup(func() {
		p.end(syscall.SIGKILL)
		if c.t.Failed() {
			c.t.Logf("%s ended with:\n%s", name, tail(output.Name()))
		}
	})
	return p
}

func tail(path string) []byte {
	content, err := os.ReadFile(path)
	if err != nil {
		return []byte(err.Error())
	}
	return content[max(0, len(content)-1500):]
}

func (p *process) end(signal syscall.Signal) {
	_ = p.cmd.Process.Signal(signal)
	<-p.done
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}

// newCluster starts members PDs behind proxies and the simulated stores, and waits until PD
// schedules.
func newCluster(t *testing.T, members int, simArgs ...string) *cluster {
	t.Helper()
	c := &cluster{t: t, folder: t.TempDir(), simArgs: simArgs}
	initial := make([]string, 0, members)
	for i := range members {
		m := &member{
			name: fmt.Sprintf("pd-%d", i), direct: freePort(t), url: "http://" + freePort(t),
			peerURL: "http://" + freePort(t), control: "http://" + freePort(t),
		}
		m.journal = filepath.Join(c.folder, m.name+".jsonl")
		c.members = append(c.members, m)
		initial = append(initial, m.name+"="+m.peerURL)
	}
	for _, m := range c.members {
		m.proxy = c.start(m.name+"-proxy", nil, filepath.Join(binaries, "pdproxy"),
			"-listen", strings.TrimPrefix(m.url, "http://"), "-upstream", m.direct,
			"-journal", m.journal, "-control", strings.TrimPrefix(m.control, "http://"))
		c.startPD(m, strings.Join(initial, ","))
	}
	eventually(t, time.Minute, "PD elects a leader", func() error {
		_, err := c.leader()
		return err
	})
	c.startStores()
	eventually(t, time.Minute, "PD schedules", func() error {
		var schedulers []string
		if c.pd("GET", "/schedulers", nil, &schedulers); len(schedulers) == 0 {
			return fmt.Errorf("no schedulers yet")
		}
		return nil
	})
	c.pd("POST", "/stores/limit", object{"rate": 2000}, nil)
	return c
}

func (c *cluster) startPD(m *member, initial string) {
	m.pd = c.start(m.name, []string{"GODEBUG=httpmuxgo121=1"}, *pdServer,
		"--name", m.name, "--data-dir", filepath.Join(c.folder, m.name),
		"--client-urls", "http://"+m.direct, "--advertise-client-urls", m.url,
		"--peer-urls", m.peerURL, "--advertise-peer-urls", m.peerURL,
		"--initial-cluster", initial)
}

func (c *cluster) startStores() {
	c.t.Helper()
	address := freePort(c.t)
	c.control = "http://" + address
	urls := make([]string, 0, len(c.members))
	for _, m := range c.members {
		urls = append(urls, m.url)
	}
	ready := filepath.Join(c.folder, "ready")
	_ = os.Remove(ready)
	args := append([]string{
		"-pd", strings.Join(urls, ","), "-control", address, "-log", c.effectsPath(),
		"-ready-file", ready, "-log-level", "debug",
	}, c.simArgs...)
	c.sim = c.start("tikvsim", nil, filepath.Join(binaries, "tikvsim"), args...)
	eventually(c.t, time.Minute, "the stores are ready", func() error {
		_, err := os.Stat(ready)
		return err
	})
}

func (c *cluster) effectsPath() string { return filepath.Join(c.folder, "effects.jsonl") }

type object map[string]any

// pd calls PD's HTTP API at the first member that answers and gives the status.
func (c *cluster) pd(method, path string, body, answer any) int {
	c.t.Helper()
	for _, m := range c.members {
		status, err := request(method, m.url+"/pd/api/v1"+path, body, answer)
		if err == nil {
			return status
		}
	}
	return 0
}

// order calls the control API of the stores, which must succeed.
func (c *cluster) order(method, path string, body, answer any) {
	c.t.Helper()
	status, err := request(method, c.control+path, body, answer)
	must(c.t, err)
	if status != http.StatusOK {
		c.t.Fatalf("%s %s: %d", method, path, status)
	}
}

func request(method, url string, body, answer any) (int, error) {
	encoded, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	if body == nil {
		encoded = nil
	}
	call, err := http.NewRequest(method, url, bytes.NewReader(encoded))
	if err != nil {
		return 0, err
	}
	client := http.Client{Timeout: 15 * time.Second}
	response, err := client.Do(call)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	if answer != nil {
		_ = json.Unmarshal(text, answer)
	}
	return response.StatusCode, nil
}

func (c *cluster) leader() (*member, error) {
	var answer struct {
		Leader struct {
			Name string `json:"name"`
		} `json:"leader"`
	}
	c.pd("GET", "/members", nil, &answer)
	for _, m := range c.members {
		if m.name == answer.Leader.Name {
			return m, nil
		}
	}
	return nil, fmt.Errorf("no leader")
}

func lines[T any](t *testing.T, path string) []T {
	t.Helper()
	content, err := os.ReadFile(path)
	must(t, err)
	var all []T
	for _, line := range bytes.Split(bytes.TrimSpace(content), []byte("\n")) {
		var one T
		if len(line) > 0 {
			must(t, json.Unmarshal(line, &one))
			all = append(all, one)
		}
	}
	return all
}

// eventually waits for a fact; the last reason why it is not one yet is the failure.
func eventually(t *testing.T, patience time.Duration, fact string, check func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s: %v", patience, fact, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

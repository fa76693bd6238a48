package main

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"assent.tikv.org/sandbox/tikvsim/proxy"
)

// The program itself, run as the sandbox runs it: this test binary plays it when told to.
func TestMain(m *testing.M) {
	if os.Getenv("PLAY_PDPROXY") == "1" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(t *testing.T, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0], arguments...)
	command.Env = append(os.Environ(), "PLAY_PDPROXY=1")
	t.Cleanup(func() {
		if command.Process != nil && command.ProcessState == nil {
			_ = command.Process.Kill()
			_ = command.Wait()
		}
	})
	return command
}

// started gives what a program says on its first lines, up to "ready".
func started(t *testing.T, command *exec.Cmd) map[string]string {
	t.Helper()
	out, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(map[string]string)
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		if scanner.Text() == "ready" {
			return said
		}
		name, value, _ := strings.Cut(scanner.Text(), "=")
		said[name] = value
	}
	t.Fatalf("it ended without being ready: %v", said)
	return nil
}

func get(t *testing.T, url string) (string, error) {
	t.Helper()
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Get(url)
	if err != nil {
		return "", err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return string(text), err
}

func pd(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "pd")
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// It says where it listens, passes and journals, and ends cleanly in each way it can be asked to.
func TestItRunsUntilItIsAskedToEnd(t *testing.T) {
	for why, end := range map[string]func(*exec.Cmd, string) error{
		"SIGTERM": func(c *exec.Cmd, _ string) error { return c.Process.Signal(syscall.SIGTERM) },
		"Ctrl-C":  func(c *exec.Cmd, _ string) error { return c.Process.Signal(syscall.SIGINT) },
		"an order": func(_ *exec.Cmd, control string) error {
			answer, err := http.Post(control+"/shutdown", "", nil)
			if err == nil {
				err = answer.Body.Close()
			}
			return err
		},
	} {
		t.Run(why, func(t *testing.T) {
			journal := filepath.Join(t.TempDir(), "journal.jsonl")
			command := program(t, "-upstream", pd(t), "-journal", journal)
			said := started(t, command)
			if text, err := get(t, said["listen"]+"/pd/api/v1/ping"); text != "pd" || err != nil {
				t.Errorf("%q %v", text, err)
			}
			if text, err := get(t, said["control"]+"/status"); err != nil || !strings.Contains(text, `"journaled":1`) {
				t.Errorf("%q %v", text, err)
			}
			if err := end(command, said["control"]); err != nil {
				t.Fatal(err)
			}
			if err := command.Wait(); err != nil {
				t.Errorf("it ended with %v", err)
			}
			if content, err := os.ReadFile(journal); err != nil || strings.Count(string(content), "\n") != 1 {
				t.Errorf("%q %v", content, err)
			}
		})
	}
}

// What cannot start says so in one sentence and exit code 1: the sandbox shows it.
func TestWhatCannotStartSaysWhy(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	journal := filepath.Join(t.TempDir(), "journal.jsonl")
	for _, c := range []struct {
		why, says string
		arguments []string
	}{
		{"nothing to stand in front of", "-upstream and -journal are needed", []string{"-journal", journal}},
		{"nowhere to write", "-upstream and -journal are needed", []string{"-upstream", "127.0.0.1:1"}},
		{"a journal in no folder", "open the journal",
			[]string{"-upstream", "127.0.0.1:1", "-journal", "/no/such/folder/journal"}},
		{"a port that is taken", "address already in use",
			[]string{"-upstream", "127.0.0.1:1", "-journal", journal, "-listen", taken.Addr().String()}},
		{"a control port that is taken", "address already in use",
			[]string{"-upstream", "127.0.0.1:1", "-journal", journal, "-control", taken.Addr().String()}},
		{"a certificate that is none", "certificate for callers",
			[]string{"-upstream", "127.0.0.1:1", "-journal", journal, "-tls-cert", empty, "-tls-key", empty}},
		{"a flag that is none", "not defined", []string{"-colour", "red"}},
	} {
		t.Run(c.why, func(t *testing.T) {
			said, err := program(t, c.arguments...).CombinedOutput()
			var ended *exec.ExitError
			if !errors.As(err, &ended) || !strings.Contains(string(said), c.says) {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// TLS wants all three files: half of them would be a proxy that nobody can speak to.
func TestTLSNeedsAllItsFiles(t *testing.T) {
	door := proxy.New("127.0.0.1:1", nil, nil)
	if err := (files{}).encrypt(door); err != nil {
		t.Errorf("without files there is no TLS: %v", err)
	}
	for _, half := range []files{
		{certificate: "a.crt"}, {key: "a.key"}, {authority: "ca.crt"}, {certificate: "a.crt", key: "a.key"},
	} {
		if err := half.encrypt(door); err == nil {
			t.Errorf("%+v is enough", half)
		}
	}
}

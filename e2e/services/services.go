// Package services starts real servers for tests: databases and brokers that
// guests talk to.
//
// A server has a port of its own on loopback and its data in a directory of the
// test's, and it has ended when the test has. Where the program is missing the
// test is skipped, or fails under NEUTRINO_TEST_FULL.
package services

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// startTime bounds how long a server takes to start, on a machine that is busy.
const startTime = 2 * time.Minute

// A server is a program to be started.
type server struct {
	program string
	in      []string // folders beside those of PATH
	install string   // how to get it
	args    func(port string) []string
	ready   string // what it prints when it can be used
	user    bool   // it does not run as root
}

// find returns the path of a program, or skips the test.
func find(t testing.TB, program, install string, in ...string) string {
	t.Helper()
	if path, err := exec.LookPath(program); err == nil {
		return path
	}
	for _, dir := range in {
		found, _ := filepath.Glob(filepath.Join(dir, program))
		if len(found) > 0 {
			return found[len(found)-1]
		}
	}
	if os.Getenv("NEUTRINO_TEST_FULL") != "" {
		t.Fatalf("needs %s, and NEUTRINO_TEST_FULL is set: %s", program, install)
	}
	t.Skipf("needs %s: %s", program, install)
	return ""
}

// errTaken is the end of a server whose port somebody else has taken.
var errTaken = errors.New("the port is taken")

// start starts a server, waits until it can be used, and returns its address.
func (s server) start(t testing.TB) string {
	t.Helper()
	path := find(t, s.program, s.install, s.in...)
	for range 5 {
		address := FreeAddress(t)
		err := s.run(t, path, address)
		if err == nil {
			return address
		}
		if !errors.Is(err, errTaken) {
			t.Fatalf("%s: %v", s.program, err)
		}
	}
	t.Fatalf("%s: no port that stays free", s.program)
	return ""
}

func (s server) run(t testing.TB, path, address string) error {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), startTime, errors.New("it does not start"))
	defer cancel()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(path, s.args(port)...)
	log := &record{ready: s.ready, found: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = log, log
	if s.user {
		if err := asUser(cmd); err != nil {
			return err
		}
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	var failed error
	go func() {
		failed = cmd.Wait()
		close(ended)
	}()
	stop := func() {
		cmd.Process.Kill()
		<-ended
	}
	select {
	case <-log.found:
		t.Cleanup(func() {
			stop()
			if t.Failed() {
				t.Logf("%s said:\n%s", s.program, log)
			}
		})
		return nil
	case <-ended:
		if strings.Contains(strings.ToLower(log.String()), "address already in use") {
			return errTaken
		}
		return fmt.Errorf("it has ended: %v\n%s", failed, log)
	case <-ctx.Done():
		stop()
		return fmt.Errorf("%w\n%s", context.Cause(ctx), log)
	}
}

// FreeAddress returns an address of loopback where nobody listens now.
func FreeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// maxRecord bounds what is kept of a server's log.
const maxRecord = 64 << 10

// A record is a server's log. found is closed when it has ready in it.
type record struct {
	ready string
	found chan struct{}

	mu   sync.Mutex
	text bytes.Buffer // guarded by mu; of the beginning
	seen bool         // guarded by mu
}

func (r *record) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if room := maxRecord - r.text.Len(); room > 0 {
		r.text.Write(b[:min(room, len(b))])
	}
	if !r.seen && strings.Contains(r.text.String(), r.ready) {
		r.seen = true
		close(r.found)
	}
	return len(b), nil
}

func (r *record) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// TestKilledServer kills the server at random moments of a deployment: while it
// is pushed, compiled, checked, switched and drained. Each revision has a binary
// of its own, so that it has to be compiled, and a slow request is under way, so
// that there is something to drain. After each restart the database is whole, the
// app answers from one revision, which is the one that was live or the one that
// was being switched to, and what the registry says it has can be had.
func TestKilledServer(t *testing.T) {
	rounds := full(t, 50, 5)
	s := newServer(t)
	flags := []string{"--failover-window", "200ms", "--health-interval", "10ms"}
	s.start(flags...)
	random := rand.New(rand.NewPCG(7733, 1))
	dir := s.crashApp(0)
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	live, killedIn := "v0", map[string]int{}
	phases := []string{pushing, "compiling", "checking", "switching", "draining"}
	for n := 1; n <= rounds; n++ {
		dir := s.crashApp(n)
		delay := time.Duration(random.Int64N(int64(100 * time.Millisecond)))
		killedIn[s.killDuringDeploy(dir, phases[n%len(phases)], delay)]++
		s.checkDatabase()
		s.start(flags...)
		live = s.checkAnswers(live, fmt.Sprintf("v%d", n))
		s.checkRevisions()
	}
	t.Logf("killed in: %v", killedIn)
	s.stop()
}

// crashApp places the guest echo as version n, with a custom section in its
// binary that makes it another one.
func (s *server) crashApp(n int) (dir string) {
	s.t.Helper()
	dir = s.place("echo", "app", fmt.Sprintf("GREETING=v%d", n))
	f, err := os.OpenFile(filepath.Join(dir, "main.wasm"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		s.t.Fatal(err)
	}
	name := fmt.Sprintf("round %d", n)
	section := append([]byte{0, byte(len(name) + 2), byte(len(name))}, name+"."...)
	if _, err := f.Write(section); err != nil {
		s.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		s.t.Fatal(err)
	}
	return dir
}

// killDuringDeploy deploys while a slow request is under way, kills the server a
// random moment after the deployment has come to the phase, and returns the one
// that it has got to.
func (s *server) killDuringDeploy(dir string, phase string, delay time.Duration) string {
	s.t.Helper()
	before := s.deployments()
	slow := make(chan struct{})
	go func() { defer close(slow); s.slowRequest() }()
	deploy := exec.Command(binary, "deploy", "--no-confirm", "--wait", "live", "--health-path", "/", "-f", dir)
	deploy.Env = s.env()
	if err := deploy.Start(); err != nil {
		s.t.Fatal(err)
	}
	if phase != pushing {
		s.awaitPhase(before, phase)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), delay)
	defer cancel()
	<-ctx.Done()
	s.kill()
	deploy.Process.Kill() // it would ask the dead server for some seconds more
	deploy.Wait()
	<-slow
	if s.deployments() == before {
		return pushing
	}
	return s.lastPhase()
}

// pushing stands for what happens before a deployment is on record.
const pushing = "packaging or pushing"

// awaitPhase waits until a deployment beyond the first n has come to a phase, or
// past it.
func (s *server) awaitPhase(n int, phase string) {
	s.t.Helper()
	db := s.database()
	defer db.Close()
	order := `SELECT count(*) FROM phases WHERE deployment = (SELECT max(seq) FROM deployments) AND phase IN (?, 'failed', 'live')`
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for begun := time.Now(); time.Since(begun) < patience; <-tick.C {
		var all, there int
		if err := db.QueryRow(`SELECT count(*) FROM deployments`).Scan(&all); err != nil {
			s.t.Fatal(err)
		}
		if err := db.QueryRow(order, phase).Scan(&there); err != nil {
			s.t.Fatal(err)
		}
		if all > n && there > 0 {
			return
		}
	}
	s.t.Fatalf("no deployment came to %s", phase)
}

// slowRequest sends a body that takes longer than a deployment. That it breaks
// off with the server is no fault.
func (s *server) slowRequest() {
	r, w := io.Pipe()
	go func() {
		defer w.Close()
		pace := time.NewTicker(50 * time.Millisecond)
		defer pace.Stop()
		for range 60 {
			if _, err := w.Write([]byte("still here\n")); err != nil {
				return
			}
			<-pace.C
		}
	}()
	req, err := http.NewRequest(http.MethodPost, s.base+"/body", r)
	if err != nil {
		s.t.Error(err)
		return
	}
	req.Host, req.ContentLength = "shop.localhost", int64(60*len("still here\n"))
	resp, err := http.DefaultClient.Do(req)
	if err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	r.CloseWithError(io.ErrClosedPipe)
}

// deployments counts those on record.
func (s *server) deployments() (n int) {
	s.t.Helper()
	db := s.database()
	defer db.Close()
	if err := db.QueryRow(`SELECT count(*) FROM deployments`).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

func (s *server) database() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "state", "neutrino-local", "default", "neutrino.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		s.t.Fatal(err)
	}
	return db
}

func (s *server) lastPhase() string {
	s.t.Helper()
	db := s.database()
	defer db.Close()
	var phase string
	err := db.QueryRow(`SELECT phase FROM deployments ORDER BY seq DESC LIMIT 1`).Scan(&phase)
	if err != nil {
		s.t.Fatal(err)
	}
	return phase
}

func (s *server) checkDatabase() {
	s.t.Helper()
	db := s.database()
	defer db.Close()
	var verdict string
	if err := db.QueryRow(`PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
		s.t.Fatalf("integrity_check: %q, %v", verdict, err)
	}
}

// checkAnswers asks the app until it is sure who answers, and returns that one.
func (s *server) checkAnswers(was, deployed string) string {
	s.t.Helper()
	c := &http.Client{Timeout: patience}
	defer c.CloseIdleConnections()
	seen := ""
	for range 5 {
		status, body, err := s.get(c, "shop", "/")
		if err != nil || status != http.StatusOK {
			s.t.Fatalf("after a restart: status %d, %q, %v", status, body, err)
		}
		who := ""
		for _, v := range []string{was, deployed} {
			if strings.Contains(body, "GREETING="+v+"\n") {
				who = v
			}
		}
		if who == "" || seen != "" && who != seen {
			s.t.Fatalf("after a restart the app answered %q, before %q; want only %s or only %s", body, seen, was, deployed)
		}
		seen = who
	}
	return seen
}

// checkRevisions pulls what the registry says of every tag of the app.
func (s *server) checkRevisions() {
	s.t.Helper()
	var tags struct{ Tags []string }
	s.getJSON("/v2/local/shop/tags/list", &tags)
	for _, tag := range tags.Tags {
		var manifest struct {
			Config struct{ Digest string }
			Layers []struct {
				Digest string
				Size   int64
			}
		}
		s.getJSON("/v2/local/shop/manifests/"+tag, &manifest)
		for _, layer := range manifest.Layers {
			s.checkBlob(layer.Digest, layer.Size)
		}
	}
	var history []struct {
		Revision int
		Phase    string
		Reason   string
	}
	s.json(&history, "app", "history", "shop")
	for _, d := range history {
		if d.Phase != "live" && d.Phase != "failed" {
			s.t.Fatalf("after a restart deployment of r%d is still %s", d.Revision, d.Phase)
		}
	}
}

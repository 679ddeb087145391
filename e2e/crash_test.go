package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// TestKilledServer kills the server at random moments of a deployment: while it
// is pushed, compiled, checked, switched and drained. After each restart the
// database is whole, the app answers at once from one revision, which is the one
// that was live or the one that was being switched to, and what the registry
// says it has can be had.
func TestKilledServer(t *testing.T) {
	rounds := full(t, 50, 6)
	s := newServer(t)
	flags := []string{"--failover-window", "300ms", "--health-interval", "10ms"}
	s.start(flags...)
	random := rand.New(rand.NewPCG(7733, 1))
	dir := s.place("hello", "app", version(0))
	s.must(s.client("deploy", "--no-confirm", "--create-name", "shop", "--wait", "live", "-f", dir))
	live, killedIn := "v0", map[string]int{}
	for n := 1; n <= rounds; n++ {
		s.place("hello", "app", version(n))
		killedIn[s.killDuringDeploy(dir, time.Duration(random.Int64N(int64(900*time.Millisecond))))]++
		s.checkDatabase()
		s.start(flags...)
		live = s.checkAnswers(live, fmt.Sprintf("v%d", n))
		s.checkRevisions()
	}
	t.Logf("killed in: %v", killedIn)
	s.stop()
}

// killDuringDeploy deploys, kills the server after the delay, and returns the
// last phase that the deployment was seen in.
func (s *server) killDuringDeploy(dir string, delay time.Duration) string {
	s.t.Helper()
	ended := make(chan result, 1)
	go func() { ended <- s.client("deploy", "--no-confirm", "--wait", "live", "-f", dir) }()
	ctx, cancel := context.WithTimeout(s.t.Context(), delay)
	defer cancel()
	<-ctx.Done()
	s.kill()
	select {
	case <-ended:
	case <-time.After(patience):
		s.t.Fatal("deploy does not end after its server was killed")
	}
	return s.lastPhase()
}

func (s *server) database() *sql.DB {
	s.t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(s.dir, "state", "neutrino-local", "default", "neutrino.db"))
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
			if strings.Contains(body, v+"\n") || strings.HasSuffix(body, v) {
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

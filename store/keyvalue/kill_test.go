package keyvalue

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/neutrino-local/neutrino-local/store"
)

const (
	writerEnv = "NEUTRINO_TEST_WRITER" // the directory that the process writes to
	killedApp = store.AppID("11111111-2222-4333-8444-555555555555")
	killed    = 4 // goroutines of the process that is killed
)

// TestMain is also the process that TestKill kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(writerEnv); dir != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver counts in several goroutines: each sets its two keys to the next
// number, together, and prints it when that is acknowledged.
func writeForEver(dir string) error {
	s, err := Open(Config{Dir: dir})
	if err != nil {
		return err
	}
	a, ctx := s.App(killedApp), context.Background()
	fmt.Println("ready 0 0")
	errs := make(chan error)
	for i := range killed {
		go func() {
			for {
				n, err := a.Increment(ctx, "default", fmt.Sprintf("counter %d", i), 1)
				if err != nil {
					errs <- err
					return
				}
				value := binary.LittleEndian.AppendUint64(nil, uint64(n))
				if err := a.SetMany(ctx, "default", []Pair{{fmt.Sprintf("left %d", i), value}, {fmt.Sprintf("right %d", i), value}}); err != nil {
					errs <- err
					return
				}
				fmt.Println("set", i, n)
			}
		}()
	}
	return <-errs
}

// runAndKill lets a process write until it has printed so many lines, kills it,
// and returns the last number that each of its goroutines has printed.
func runAndKill(t *testing.T, dir string, lines int) (seen [killed]int64) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), writerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	in := bufio.NewScanner(out)
	for n := 0; in.Scan(); n++ {
		var verb string
		var i int
		var number int64
		if _, err := fmt.Sscanf(in.Text(), "%s %d %d", &verb, &i, &number); err != nil {
			t.Fatalf("%q: %v", in.Text(), err)
		}
		seen[i] = max(seen[i], number)
		if n == lines {
			check(t, cmd.Process.Kill()) // and read what it has still said
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.ExitCode() != -1 {
		t.Fatalf("the writer ended by itself: %v", err)
	}
	return seen
}

// What was acknowledged before a kill -9 is there after it, and what was set
// together is there together.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for round := range 6 {
		// The first is killed when it may not have written anything, or has no file.
		seen := runAndKill(t, dir, min(round, 1)*rand.IntN(300))
		s, err := Open(Config{Dir: dir})
		check(t, err)
		checkSurvivors(t, s.App(killedApp), seen)
		check(t, s.Close())
	}
}

func checkSurvivors(t *testing.T, a *App, seen [killed]int64) {
	t.Helper()
	number := func(key string) (n int64) {
		value, ok, err := a.Get(t.Context(), "default", key)
		check(t, err)
		if ok {
			n = int64(binary.LittleEndian.Uint64(value))
		}
		return n
	}
	for i, n := range seen {
		left, right := number(fmt.Sprintf("left %d", i)), number(fmt.Sprintf("right %d", i))
		counter := number(fmt.Sprintf("counter %d", i))
		if left != right || left < n || left > n+1 && n > 0 || counter < left {
			t.Errorf("goroutine %d was told %d; left %d, right %d, counter %d", i, n, left, right, counter)
		}
	}
	checkSizes(t, a, "default")
	checkIntegrity(t, a)
}

func checkIntegrity(t *testing.T, a *App) {
	t.Helper()
	check(t, a.use(false, func(f *file) error {
		var result string
		if err := f.read.QueryRow(`PRAGMA integrity_check`).Scan(&result); err != nil || result != "ok" {
			t.Errorf("integrity: %s, %v", result, err)
		}
		return nil
	}))
}

// Many goroutines, several apps, files that are closed under them: no change is
// lost, and none is seen by another app.
func TestHammer(t *testing.T) {
	s := openTemp(t, Limits{Total: 1 << 30})
	ids := []store.AppID{store.NewAppID(), store.NewAppID(), store.NewAppID()}
	const goroutines, rounds = 8, 25
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			ctx, a := t.Context(), s.App(ids[g%len(ids)])
			mine := fmt.Sprintf("mine %d", g)
			for i := range rounds {
				_, err := a.Increment(ctx, "default", "shared", 1)
				note(t, err)
				note(t, a.Set(ctx, "default", mine, []byte{byte(i)}))
				value, ok, err := a.Get(ctx, "default", mine)
				note(t, err)
				if !ok || len(value) != 1 || value[0] != byte(i) {
					t.Errorf("%s = %v, %t after setting %d", mine, value, ok, i)
				}
				if i%8 == 0 {
					note(t, a.closeIdle())
				}
				gone, cancel := context.WithCancel(ctx)
				cancel()
				_, _ = a.Increment(gone, "default", "abandoned", 1) // may be made or not
				_, err = a.Sizes()
				note(t, err)
			}
		})
	}
	all.Wait()
	for i, id := range ids {
		a := s.App(id)
		users := 0
		for g := range goroutines {
			if g%len(ids) == i {
				users++
			}
		}
		wantValue(t, a, "default", "shared", binary.LittleEndian.AppendUint64(nil, uint64(users*rounds)))
		checkSizes(t, a, "default")
		checkIntegrity(t, a)
	}
}

// note is check for goroutines of a test.
func note(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/neutrino-local/neutrino-local/e2e/guests"
	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/e2e/guests/spin"
)

// binary is the built neutrino-local, and sharedCache keeps what it compiles
// from one test to the next. TestMain sets both once.
var binary, sharedCache string

func TestMain(m *testing.M) {
	testscript.Main(built{m}, map[string]func(){"get": getMain, "many": manyMain, "bare": bareMain})
}

// built builds the binary before the tests run. The commands of scripts run in
// processes of this test binary too, which do not get here.
type built struct{ m *testing.M }

func (b built) Run() int {
	dir, err := os.MkdirTemp("", "neutrino-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	defer os.RemoveAll(dir)
	sharedCache = filepath.Join(dir, "cache")
	binary = filepath.Join(dir, "bin", "neutrino-local")
	args := []string{"build", "-o", binary}
	if os.Getenv("NEUTRINO_TEST_RACE") != "" {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "../cmd/neutrino-local")...).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build neutrino-local: %v\n%s", err, out)
		return 2
	}
	return b.m.Run()
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(binary)+string(os.PathListSeparator)+env.Getenv("PATH"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, ".state"))
			env.Setenv("XDG_CACHE_HOME", sharedCache)
			env.Setenv("READY", filepath.Join(env.WorkDir, "ready.json"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"guest":     guestCommand,
			"serverof":  serverofCommand,
			"bound":     boundCommand,
			"field":     fieldCommand,
			"component": componentCommand,
		},
	})
}

// guestCommand is `guest NAME DIR [KEY=VALUE…]`: the built guest in a folder of
// the script, with its manifest's KEY = "…" changed.
func guestCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: guest NAME DIR [KEY=VALUE…]")
	}
	if err := placeGuest(args[0], ts.MkAbs(args[1]), args[2:]...); err != nil {
		ts.Fatalf("%v", err)
	}
}

// serverofCommand is `serverof READYFILE`: the verbs that follow talk to that
// server.
func serverofCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: serverof READYFILE")
	}
	ready, err := readReadyFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("NEUTRINO_SERVER", ready.URLs.Base)
}

// boundCommand is `bound READYFILE`: it sets $BOUND to the address of that
// server.
func boundCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: bound READYFILE")
	}
	ready, err := readReadyFile(ts.MkAbs(args[0]))
	ts.Check(err)
	ts.Setenv("BOUND", ready.URLs.Registry)
}

// fieldCommand is `field NAME APP`: it sets $FIELD to a string of `app status
// --format json`, the first one if it is a list.
func fieldCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: field NAME APP")
	}
	ts.Check(ts.Exec("neutrino-local", "app", "status", args[1], "--format", "json"))
	var status map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &status))
	value := status[args[0]]
	if list, ok := value.([]any); ok && len(list) > 0 {
		value = list[0]
	}
	ts.Setenv("FIELD", fmt.Sprint(value))
}

// componentCommand is `component NAME FILE`: a component that is in the tree as a
// binary. spin/NAME is one of e2e/guests/spin.
func componentCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: component NAME FILE")
	}
	wasm, ok := map[string][]byte{"c-command": components.CCommand, "c-http": components.CHTTP}[args[0]]
	if name, isSpin := strings.CutPrefix(args[0], "spin/"); isSpin {
		var err error
		wasm, err = spin.Wasm(name)
		ts.Check(err)
	} else if !ok { // a guest of the runtime's own tests
		var err error
		wasm, err = os.ReadFile(filepath.Join("..", "runtime", "testdata", args[0], args[0]+".wasm"))
		ts.Check(err)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), wasm, 0o644))
}

// placeGuest copies a built guest to dir and changes values in its manifest. It
// overwrites what an earlier call has put there and leaves other files alone.
func placeGuest(name, dir string, values ...string) error {
	built, err := guests.Built(name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-R", built+"/.", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	path := filepath.Join(dir, "spin.toml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for _, kv := range values {
		key, value, _ := strings.Cut(kv, "=")
		if !setValue(lines, key, value) {
			return fmt.Errorf("guest %s: its manifest has no %s", name, key)
		}
	}
	return os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o644)
}

// setValue changes the string after key in whichever line has it.
func setValue(lines []string, key, value string) bool {
	for i, line := range lines {
		before, after, ok := strings.Cut(line, key+` = "`)
		if !ok {
			continue
		}
		_, after, _ = strings.Cut(after, `"`)
		lines[i] = before + key + fmt.Sprintf(" = %q", value) + after
		return true
	}
	return false
}

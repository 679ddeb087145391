package wasi

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/sys"

	"github.com/neutrino-local/neutrino-local/e2e/guests/components"
	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/runtime/component"
	appfiles "github.com/neutrino-local/neutrino-local/runtime/files"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/filesystem"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// A program is a command that tests run.
type program struct {
	t    *testing.T
	host *Host
	code *component.Component
	run  *component.Func
}

func command(t *testing.T, wasm []byte) *program {
	t.Helper()
	engine, err := component.NewEngine(t.Context(), component.Config{Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	l := component.NewLinker()
	p := &program{t: t, host: Link(l)}
	if p.code, err = engine.Compile(t.Context(), wasm, l); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(p.code.Close(ctx), engine.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	var ok bool
	if p.run, ok = Command(p.code); !ok {
		t.Fatal("component is no command")
	}
	return p
}

// exec runs the command and returns its exit code and what it wrote.
func (p *program) exec(s *State) (code int, stdout, stderr string, err error) {
	p.t.Helper()
	var out, errs bytes.Buffer
	s.Stdout, s.Stderr = &out, &errs
	code, err = p.start(s)
	return code, out.String(), errs.String(), err
}

// start runs the command with the output that s has.
func (p *program) start(s *State) (code int, err error) {
	p.t.Helper()
	config := component.InstanceConfig{Init: func(in *component.Instance) error {
		p.host.Set(in, s)
		return nil
	}}
	if p.code.UsesPreview1() {
		config.Preview1 = wazero.NewModuleConfig().WithStdout(s.Stdout).WithStderr(s.Stderr)
	}
	in, err := p.code.Instantiate(p.t.Context(), config)
	if err != nil {
		p.t.Fatal(err)
	}
	code, err = p.host.Run(p.t.Context(), in, p.run)
	if exit, ok := errors.AsType[*sys.ExitError](err); ok { // of preview 1
		code, err = int(exit.ExitCode()), nil
	}
	if e := in.Close(p.t.Context()); e != nil && !errors.Is(e, stream.ErrChildren) {
		p.t.Error(e)
	}
	return code, err
}

func TestCommand(t *testing.T) {
	p := command(t, components.CCommand)
	big := strings.Repeat("0123456789abcdef", 1<<20/16)
	var pumps sync.WaitGroup
	t.Cleanup(pumps.Wait)
	tests := []struct {
		name  string
		state *State
		code  int
		out   string
		errs  string
	}{
		{"nothing", &State{}, 0, "", ""},
		{"args", &State{Arguments: []string{"c", "args", "one", "", "ünï"}}, 0, "one\n\nünï\n", ""},
		{"env", &State{Arguments: []string{"c", "env"}, Environment: []Variable{{"A", "1"}, {"B", ""}}}, 0, "A=1\nB=\n", ""},
		{"no env", &State{Arguments: []string{"c", "env"}}, 0, "", ""},
		{"exit", &State{Arguments: []string{"c", "exit", "1"}}, 1, "", ""},
		{"stderr", &State{Arguments: []string{"c", "stderr"}}, 0, "", "to stderr\n"},
		{"no stdin", &State{Arguments: []string{"c", "cat"}}, 0, "", ""},
		{"cat", &State{Arguments: []string{"c", "cat"}, Stdin: stream.NewPump(strings.NewReader(big), 64<<10, pumps.Go)}, 0, big, ""},
		{"no files", &State{Arguments: []string{"c", "read", "/etc/passwd"}}, 1, "", "/etc/passwd: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errs, err := p.exec(tt.state)
			if code != tt.code || out != tt.out || !strings.HasPrefix(errs, tt.errs) || err != nil {
				t.Errorf("exit %d, %.60q, %q, %v; want %d, %.60q, %q", code, out, errs, err, tt.code, tt.out, tt.errs)
			}
		})
	}
	if _, _, _, err := p.exec(&State{Arguments: []string{"c", "abort"}}); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("abort = %v, want a trap", err)
	}
}

func TestCommandUsesADirectory(t *testing.T) {
	p := command(t, components.CCommand)
	dir := t.TempDir()
	root, err := filesystem.Root(dir, filesystem.Read|filesystem.MutateDirectory, new(int))
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs, err := p.exec(&State{Arguments: []string{"c", "files"}, Preopens: []Preopen{{".", root}}})
	if code != 0 || err != nil {
		t.Errorf("exit %d, %q, %q, %v", code, out, errs, err)
	}
	if left, err := os.ReadDir(dir); len(left) != 0 || err != nil {
		t.Errorf("left in %s: %v, %v", filepath.Base(dir), left, err)
	}
}

func TestCommandReadsAnApp(t *testing.T) {
	p := command(t, components.CCommand)
	content := artifact.Inline(strings.Repeat("page ", 50_000))
	tree, err := appfiles.New(t.Context(), []artifact.File{{Path: "a/b.html", Inline: &content}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	root, err := filesystem.Tree(tree, new(int))
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs, err := p.exec(&State{Arguments: []string{"c", "read", "/a/b.html"}, Preopens: []Preopen{{"/", root}}})
	if code != 0 || out != string(content) || err != nil {
		t.Errorf("exit %d, %d bytes %.100q, %q, %v", code, len(out), out, errs, err)
	}
}

package component

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/binary"
	"github.com/neutrino-local/neutrino-local/runtime/component/validate"
)

var wastDir = flag.String("wast", "testdata/wast", "run the scripts in `dir`: JSON and wasm as wasm-tools json-from-wast writes them")

// A command is one line of a script.
type command struct {
	Type       string
	Line       int
	Name       string
	Filename   string
	ModuleType string `json:"module_type"`
	Module     string
	Instance   string
	As         string
	Text       string
	Action     struct {
		Type, Module, Field string
		Args                []wastValue
	}
	Expected []wastValue
}

// A tally counts results by some key: 0 passed, 1 failed, 2 skipped.
type tally map[string]*[3]int

func (t tally) add(key string, result int) {
	if t[key] == nil {
		t[key] = new([3]int)
	}
	t[key][result]++
}

func (t tally) log(tb testing.TB, title string) {
	for _, k := range slices.Sorted(maps.Keys(t)) {
		c := t[k]
		tb.Logf("%s %s: %d passed, %d failed, %d skipped", title, k, c[0], c[1], c[2])
	}
}

// errSkip marks what needs the asynchronous part, or is no component at all.
var errSkip = errors.New("skipped")

func TestWast(t *testing.T) {
	ctx := t.Context()
	engine, err := NewEngine(ctx, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(ctx)
	kinds, files, all := tally{}, tally{}, tally{}
	skips := map[string]int{}
	walk := func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".json") {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var script struct{ Commands []command }
		if json.Unmarshal(b, &script) != nil || len(script.Commands) == 0 {
			return nil
		}
		name, _ := filepath.Rel(*wastDir, path)
		r := &wastRun{engine: engine, dir: filepath.Dir(path), defs: map[string]*Component{}, instances: map[string]*wastInstance{}}
		for _, c := range script.Commands {
			result := 0
			if err := r.run(ctx, c); errors.Is(err, errSkip) {
				result = 2
				skips[err.Error()]++
			} else if err != nil {
				result = 1
				t.Errorf("%s:%d: %s: %v", name, c.Line, c.Type, err)
			}
			kinds.add(c.Type, result)
			files.add(name, result)
			all.add("in all", result)
		}
		return nil
	}
	if err := filepath.WalkDir(*wastDir, walk); err != nil {
		t.Fatal(err)
	}
	files.log(t, "file")
	for _, k := range slices.Sorted(maps.Keys(skips)) {
		t.Logf("%d × %s", skips[k], k)
	}
	kinds.log(t, "command")
	all.log(t, "commands")
	if all["in all"] == nil {
		t.Errorf("no scripts in %s", *wastDir)
	}
}

type wastRun struct {
	engine    *Engine
	dir       string
	defs      map[string]*Component
	instances map[string]*wastInstance // "": the last one
	lastDef   string
}

type wastInstance struct {
	c   *Component
	in  *Instance
	err error // why there is none

}

func (r *wastRun) run(ctx context.Context, c command) error {
	switch c.Type {
	case "module":
		comp, err := r.compile(ctx, c.Filename)
		if err == nil {
			err = r.instantiate(ctx, comp, c.Name)
		}
		r.failed(c.Name, err)
		return err
	case "module_definition":
		comp, err := r.compile(ctx, c.Filename)
		var link *LinkError
		if errors.As(err, &link) {
			comp, err = nil, nil // valid, and that is all that a definition must be
		}
		if err == nil || errors.Is(err, errSkip) {
			r.defs[c.Name], r.lastDef = comp, c.Name
		}
		return err
	case "module_instance":
		def, ok := r.defs[c.Module]
		if !ok {
			def = r.defs[r.lastDef]
		}
		err := fmt.Errorf("%w: its definition was", errSkip)
		if def != nil {
			err = r.instantiate(ctx, def, c.Instance)
		}
		r.failed(c.Instance, err)
		return err
	case "assert_return", "assert_trap", "action", "invoke":
		return r.invoke(ctx, c)
	case "assert_invalid", "assert_malformed":
		return r.refused(ctx, c)
	case "assert_unlinkable", "assert_uninstantiable":
		comp, err := r.compile(ctx, c.Filename)
		if errors.Is(err, errCannotSupply) {
			return nil
		}
		if err == nil {
			err = r.instantiate(ctx, comp, "")
		}
		return expectError(err, c.Text)
	}
	return fmt.Errorf("%w: command %s", errSkip, c.Type)
}

func (r *wastRun) failed(name string, err error) {
	if err != nil {
		r.instances[name] = &wastInstance{err: err}
		r.instances[""] = r.instances[name]
	}
}

func expectError(err error, text string) error {
	if errors.Is(err, errSkip) {
		return err
	}
	if err == nil {
		return fmt.Errorf("passed, expected: %s", text)
	}
	return nil
}

func (r *wastRun) compile(ctx context.Context, file string) (*Component, error) {
	wasm, err := os.ReadFile(filepath.Join(r.dir, file))
	if err != nil {
		return nil, err
	}
	if binary.Sniff(wasm) == binary.LayerModule {
		return nil, fmt.Errorf("%w: core module", errSkip)
	}
	c, err := r.engine.Compile(ctx, wasm, wastHost())
	return c, skipped(err)
}

// skipped makes err a skip if it is about what is not supported.
func skipped(err error) error {
	for _, u := range unsupported {
		if err != nil && strings.Contains(err.Error(), u.words) {
			if u.words == cannotSupply {
				return errCannotSupply
			}
			return fmt.Errorf("%w: %s", errSkip, u.why)
		}
	}
	return err
}

func (r *wastRun) refused(ctx context.Context, c command) error {
	if c.ModuleType == "text" {
		return fmt.Errorf("%w: text format", errSkip)
	}
	wasm, err := os.ReadFile(filepath.Join(r.dir, c.Filename))
	if err != nil {
		return err
	}
	if binary.Sniff(wasm) == binary.LayerModule {
		return fmt.Errorf("%w: core module", errSkip)
	}
	if err := skipped(errors.New(c.Text)); errors.Is(err, errSkip) {
		return err
	}
	def, err := binary.Decode(wasm)
	if err == nil {
		_, err = validate.Component(def)
	}
	if err == nil {
		_, err = r.engine.Compile(ctx, wasm, NewLinker())
		if link := new(*LinkError); errors.As(err, link) {
			err = nil // valid, only not linkable
		}
	}
	return expectError(err, c.Text)
}

func (r *wastRun) instantiate(ctx context.Context, c *Component, name string) error {
	in, err := c.Instantiate(ctx, InstanceConfig{MemoryLimit: 1 << 28})
	if err != nil {
		return skipped(err)
	}
	r.instances[name] = &wastInstance{c: c, in: in}
	r.instances[""] = r.instances[name]
	return nil
}

func (r *wastRun) invoke(ctx context.Context, c command) error {
	w := r.instances[c.Action.Module]
	if w == nil || w.err != nil {
		if w != nil && !errors.Is(w.err, errSkip) {
			return fmt.Errorf("there is no instance: %w", w.err)
		}
		return fmt.Errorf("%w: its instance was", errSkip)
	}
	f := findFunc(w.c, c.Action.Field)
	if f == nil {
		return fmt.Errorf("no function %q", c.Action.Field)
	}
	if len(f.Type.Params) != len(c.Action.Args) {
		return fmt.Errorf("%d arguments for %d parameters", len(c.Action.Args), len(f.Type.Params))
	}
	args := make([]Value, len(f.Type.Params))
	for i, p := range f.Type.Params {
		v, err := c.Action.Args[i].value(p.Type)
		if err != nil {
			return err
		}
		args[i] = v
	}
	got, err := w.in.Call(ctx, f, args...)
	if c.Type == "assert_trap" {
		return expectError(err, c.Text)
	}
	if err != nil {
		return err
	}
	if f.Type.Result == nil || c.Type == "action" {
		return nil
	}
	want, err := c.Expected[0].value(f.Type.Result)
	if err != nil {
		return err
	}
	if g, w := format(got), format(want); g != w {
		if c.Type == "assert_return" && r.limited() {
			return fmt.Errorf("%w: the runner's memory limit", errSkip)
		}
		return fmt.Errorf("%s = %s, want %s", c.Action.Field, g, w)
	}
	return nil
}

// limited reports whether the last instance wanted more memory than there is.
func (r *wastRun) limited() bool {
	w := r.instances[""]
	if w == nil || w.in == nil {
		return false
	}
	_, refused := w.in.Memory()
	return refused.Limit != ""
}

func findFunc(c *Component, field string) *Func {
	instance, name, ok := strings.Cut(field, "#")
	if !ok {
		instance, name = "", field
	}
	f, _ := c.Func(instance, name)
	return f
}

package rewrite

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

const preamble = "\x00asm\x01\x00\x00\x00"

// sect makes a section of at most 127 bytes.
func sect(id byte, body ...string) string {
	b := strings.Join(body, "")
	return string([]byte{id, byte(len(b))}) + b
}

func name(s string) string { return string([]byte{byte(len(s))}) + s }

// module has one of everything: two types, an imported function "a" "f" and
// global "a" "g", a table, a memory, a function, a tag, an element and a data
// segment; code is the function's body without locals and end.
func module(code string) string {
	return preamble +
		sect(sectionType, "\x02\x60\x00\x00\x60\x01\x7f\x00") +
		sect(sectionImport, "\x02", name("a"), name("f"), "\x00\x01", name("a"), name("g"), "\x03\x7f\x00") +
		sect(sectionFunc, "\x01\x00") +
		sect(sectionTable, "\x01\x70\x00\x02") +
		sect(sectionMemory, "\x01\x00\x01") +
		sect(sectionTag, "\x01\x00\x00") +
		sect(sectionGlobal, "\x01\x7f\x01\x23\x00\x0b") +
		sect(sectionExport, "\x01", name("run"), "\x00\x01") +
		sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x01") +
		sect(sectionDataCount, "\x01") +
		sect(sectionCode, "\x01", string([]byte{byte(len(code) + 2)}), "\x00", code, "\x0b") +
		sect(sectionData, "\x01\x00\x41\x00\x0b", name("data")) +
		sect(sectionCustom, name("name"), "\x01\x06\x01\x01", name("run"))
}

func rename(_ int, imp types.CoreImport) (string, string) { return "new", imp.Module + "." + imp.Name }

func TestApply(t *testing.T) {
	m, err := Parse([]byte(module("\x41\x00\x10\x00"))) // i32.const 0, call 0
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Apply(Options{Import: rename})
	if err != nil {
		t.Fatal(err)
	}
	again, err := Parse(out.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	var imports []string
	for _, i := range again.Imports {
		imports = append(imports, i.Module+" "+i.Name)
	}
	if diff := cmp.Diff([]string{"new a.f", "new a.g"}, imports); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(m.Exports, again.Exports); diff != "" {
		t.Errorf("exports changed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(m.Customs, again.Customs); diff != "" {
		t.Errorf("custom sections changed (-before +after):\n%s", diff)
	}
}

// everything is all that adds to a module, apart and together.
var everything = []Options{
	{Import: rename},
	{Import: rename, Fuel: &Fuel{Module: "meter", Name: "tick", Stack: 1 << 20}},
	{
		Import: rename, Fuel: &Fuel{Module: "meter", Name: "tick", Stack: 1 << 20},
		StripData: true, ExportGlobals: true, MoveStart: true, RaiseMemory: true, MaxTable: 100,
	},
}

// TestIndices has one guest for each index space, that refers to the first
// item which is not there: it would be valid if something were added.
func TestIndices(t *testing.T) {
	tests := []struct{ name, code, want string }{
		{"function", "\x10\x02", "unknown function 2 of 2"},
		{"tail call", "\x12\x02", "unknown function 2 of 2"},
		{"ref.func", "\xd2\x02\x1a", "unknown function 2 of 2"},
		{"type of a block", "\x02\x02\x0b", "unknown type 2 of 2"},
		{"type of call_indirect", "\x41\x00\x11\x02\x00", "unknown type 2 of 2"},
		{"table of call_indirect", "\x41\x00\x11\x00\x01", "unknown table 1 of 1"},
		{"table", "\x41\x00\x25\x01\x1a", "unknown table 1 of 1"},
		{"table.size", "\xfc\x10\x01\x1a", "unknown table 1 of 1"},
		{"memory", "\x3f\x01\x1a", "unknown memory 1 of 1"},
		{"memory of a load", "\x41\x00\x28\x42\x01\x00\x1a", "unknown memory 1 of 1"},
		{"global.get", "\x23\x02\x1a", "unknown global 2 of 2"},
		{"global.set", "\x41\x00\x24\x02", "unknown global 2 of 2"},
		{"tag", "\x08\x01", "unknown tag 1 of 1"},
		{"elem segment", "\xfc\x0d\x01", "unknown elem segment 1 of 1"},
		{"data segment", "\xfc\x09\x01", "unknown data segment 1 of 1"},
		{"local", "\x20\x00\x1a", "unknown local 0 of 0"},
		{"second added global", "\x23\x03\x1a", "unknown global 3 of 2"},
		{"function that asks for fuel", "\x10\x03", "unknown function 3 of 2"},
		{"ref.null of a type", "\xd0\x02\x1a", "unknown type 2 of 2"},
		{"memory.fill", "\x41\x00\x41\x00\x41\x00\xfc\x0b\x01", "unknown memory 1 of 1"},
		{"instruction", "\xff", "unknown instruction 0xff"},
		// What the engine would read otherwise, to another end.
		{"type of a block of two bytes", "\x02\x63\x23\x02\x1a\x0b", "block type 0x63 is not supported"},
		{"negative type of a block", "\x02\xff\x7f\x0b", "unknown type"},
		{"long opcode of a vector", "\xfd\x8c\x00", "unknown instruction 0xfd 0x8c 0x0"},
		{"long opcode of an operation", "\xfc\x89\x00\x00", "unknown instruction 0xfc 137"},
		{"behind the end", "\x0b\x01", "instruction behind the end"},
		{"no end", "\x02\x40", "function has no end"},
		{"short instruction", "\x44\x00", "unexpected end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Parse([]byte(module(test.code)))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range everything {
				if _, err := m.Apply(o); err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("Apply = %v, want an error with %q", err, test.want)
				}
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	good := module("")
	tests := []struct{ name, old, new, want string }{
		{"export", "\x01\x03run\x00\x01", "\x01\x03run\x00\x02", "unknown func 2 of 2"},
		{"element", sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x01"), sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x02"), "unknown function 2 of 2"},
		{"function of a global initializer", "\x01\x7f\x01\x23\x00\x0b", "\x01\x70\x01\xd2\x02\x0b", "unknown function 2 of 2"},
		{"function of an element expression", sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x01"), sect(sectionElem, "\x01\x05\x70\x01\xd2\x02\x0b"), "unknown function 2 of 2"},
		{"table of elements", sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x01"), sect(sectionElem, "\x01\x02\x01\x41\x00\x0b\x00\x01\x01"), "unknown table 1 of 1"},
		{"exported global", "\x01\x03run\x00\x01", "\x01\x03run\x03\x02", "unknown global 2 of 2"},
		{"exported table", "\x01\x03run\x00\x01", "\x01\x03run\x01\x01", "unknown table 1 of 1"},
		{"exported memory", "\x01\x03run\x00\x01", "\x01\x03run\x02\x01", "unknown memory 1 of 1"},
		{"exported tag", "\x01\x03run\x00\x01", "\x01\x03run\x04\x01", "unknown tag 1 of 1"},
		{"type of a tag", sect(sectionTag, "\x01\x00\x00"), sect(sectionTag, "\x01\x00\x02"), "unknown type 2 of 2"},
		{"global initializer", "\x01\x7f\x01\x23\x00\x0b", "\x01\x7f\x01\x23\x01\x0b", "unknown global 1 of 1"},
		{"data offset", sect(sectionData, "\x01\x00\x41\x00\x0b", name("data")), sect(sectionData, "\x01\x00\x23\x02\x0b", name("data")), "unknown global 2 of 2"},
		{"memory of data", sect(sectionData, "\x01\x00\x41\x00\x0b", name("data")), sect(sectionData, "\x01\x02\x01\x41\x00\x0b", name("data")), "unknown memory 1 of 1"},
		{"type of a function", sect(sectionFunc, "\x01\x00"), sect(sectionFunc, "\x01\x02"), "unknown type 2 of 2"},
		{"bodies", sect(sectionFunc, "\x01\x00"), sect(sectionFunc, "\x02\x00\x00"), "2 functions but 1 bodies"},
		{"data count", sect(sectionDataCount, "\x01"), sect(sectionDataCount, "\x02"), "data count is 2, but there are 1"},
		{"order", sect(sectionTable, "\x01\x70\x00\x02"), sect(sectionCode, "\x00"), "out of order"},
		{"start", sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x01"), sect(sectionStart, "\x02"), "start: unknown function 2 of 2"},
		{"type of start", sect(sectionElem, "\x01\x00\x41\x00\x0b\x01\x01"), sect(sectionStart, "\x00"), "start: function has type (i32) -> ()"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(good, test.old) != 1 {
				t.Fatalf("%q is %d times in the module", test.old, strings.Count(good, test.old))
			}
			for _, o := range everything {
				m, err := Parse([]byte(strings.Replace(good, test.old, test.new, 1)))
				if err == nil {
					_, err = m.Apply(o)
				}
				if err == nil || !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want an error with %q", err, test.want)
				}
			}
		})
	}
}

// TestBounds has functions that would cost the engine much.
func TestBounds(t *testing.T) {
	locals := func(groups ...uint32) string {
		body := appendU32(nil, uint32(len(groups)))
		for _, n := range groups {
			body = append(appendU32(body, n), byte(types.I32))
		}
		return preamble + sect(sectionType, "\x01\x60\x00\x00") + sect(sectionFunc, "\x01\x00") +
			sect(sectionCode, "\x01", name(string(append(body, opEnd))))
	}
	loops := func(depth int, locals uint32) string {
		body := append(appendU32([]byte{1}, locals), byte(types.I32))
		body = append(body, strings.Repeat("\x03\x40", depth)+strings.Repeat("\x0b", depth+1)...)
		return preamble + sect(sectionType, "\x01\x60\x00\x00") + sect(sectionFunc, "\x01\x00") + sect(sectionCode, "\x01", name(string(body)))
	}
	values := func(n int) string {
		list := append(appendU32([]byte{1, 0x60}, uint32(n)), strings.Repeat("\x7f", n)...)
		return preamble + string(appendSection(nil, sectionType, append(list, 0)))
	}
	body := func(n int) string { return string(oneFunction(code(strings.Repeat("\x01", n-4)))) }
	for _, test := range []struct{ name, wasm, want string }{
		{"most locals", locals(50_000), ""},
		{"locals", locals(50_001), "function 0: more than 50000 locals"},
		{"locals that add up", locals(1<<32-1, 1), "function 0: more than 50000 locals"},
		{"most values", values(1000), ""},
		{"values", values(1001), "1001 values, but 1000 are allowed"},
		{"most in loops", loops(16, 1024), ""},
		{"locals in loops", loops(17, 1024), "function 0: 17 loops inside each other with 1024 locals, but their product may be 16384"},
		{"longest body", body(maxBody), ""},
		{"body", body(maxBody + 1), "function 0: body of 7654322 bytes, but 7654321 are allowed"},
	} {
		m, err := Parse([]byte(test.wasm))
		if err == nil {
			_, err = m.Apply(Options{})
		}
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// resettable has a start function that adds to a global what memory has at 16.
func resettable(data, exports string) string {
	return preamble +
		sect(sectionType, "\x01\x60\x00\x00") +
		sect(sectionFunc, "\x01\x00") +
		sect(sectionMemory, "\x01\x00\x01") +
		sect(sectionGlobal, "\x02\x7f\x01\x41\x07\x0b\x7f\x00\x41\x07\x0b") +
		exports +
		sect(sectionStart, "\x00") +
		sect(sectionCode, "\x01\x0c\x00", "\x23\x00\x41\x10\x2d\x00\x00\x6a\x24\x00", "\x0b") +
		sect(sectionData, data)
}

func segment(offset, content string) string { return "\x00\x41" + offset + "\x0b" + name(content) }

// TestReset takes all that an instance begins with out of a module, and puts
// it back by hand: the result is what the module does by itself.
func TestReset(t *testing.T) {
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	defer runtime.Close(ctx)
	for _, exports := range []string{"", sect(sectionExport, "\x01", name("start#0"), "\x00\x00")} {
		m, err := Parse([]byte(resettable("\x02"+segment("\x10", "ab")+segment("\x10", "c"), exports)))
		if err != nil {
			t.Fatal(err)
		}
		out, err := m.Apply(Options{StripData: true, ExportGlobals: true, MoveStart: true})
		if err != nil {
			t.Fatal(err)
		}
		if out.Start == "" || out.Start == "start#0" && exports != "" || len(out.Globals) != 1 || len(out.Image) != 2 {
			t.Fatalf("start %q, globals %v, image %v", out.Start, out.Globals, out.Image)
		}
		in, err := runtime.InstantiateWithConfig(ctx, out.Wasm, wazero.NewModuleConfig().WithName("").WithStartFunctions())
		if err != nil {
			t.Fatal(err)
		}
		global := in.ExportedGlobal(out.Globals[0].Name)
		if got := global.Get(); got != 7 {
			t.Errorf("the start function has run already: global = %d", got)
		}
		for _, s := range out.Image {
			in.Memory().Write(s.Offset, s.Bytes)
		}
		if _, err := in.ExportedFunction(out.Start).Call(ctx); err != nil {
			t.Fatal(err)
		}
		if got := global.Get(); got != 7+'c' { // the later segment wins
			t.Errorf("global = %d after the start function, want %d", got, 7+'c')
		}
	}
}

// TestStripData has segments that must stay.
func TestStripData(t *testing.T) {
	tests := []struct {
		name, data string
		want       int // segments taken out
	}{
		{"all", "\x02" + segment("\x00", "a") + segment("\xff\xff\x03", "b"), 2},
		{"out of bounds", "\x02" + segment("\x00", "a") + segment("\xff\xff\x03", "bc"), 1},
		{"negative offset", "\x01" + segment("\x7f", "a"), 0},
		{"behind one that stays", "\x02\x00\x23\x01\x0b" + name("a") + segment("\x00", "b"), 0},
		{"passive", "\x02\x01" + name("a") + segment("\x00", "b"), 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			m, err := Parse([]byte(resettable(test.data, "")))
			if err != nil {
				t.Fatal(err)
			}
			out, err := m.Apply(Options{StripData: true})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Image) != test.want {
				t.Errorf("%d segments were taken out, want %d", len(out.Image), test.want)
			}
			again, err := Parse(out.Wasm)
			if err != nil || again.datas != m.datas {
				t.Errorf("%d segments are left, %v, want %d", again.datas, err, m.datas)
			}
		})
	}
}

// TestFreshName asks for a name that the module has already.
func TestFreshName(t *testing.T) {
	m := &Module{Exports: []Export{{Name: "start#0"}, {Name: "start#1"}}}
	if got := m.FreshName("start"); got != "start#2" {
		t.Errorf("FreshName = %q, want start#2", got)
	}
}

func seeds(f *testing.F) {
	f.Add([]byte(module("\x41\x00\x10\x00")))
	err := filepath.WalkDir("../testdata", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".wasm") {
			return err
		}
		b, err := os.ReadFile(path)
		if i := strings.LastIndex(string(b), preamble); err == nil && i >= 0 {
			f.Add(b[i:])
		}
		return err
	})
	if err != nil {
		f.Fatal(err)
	}
}

// FuzzApply holds that the pass does not panic, and that what it puts out is
// valid to the engine if and only if what it was given is.
func FuzzApply(f *testing.F) {
	seeds(f)
	f.Add(fixture(f, "guest.wasm"))
	f.Add(fixture(f, "kernels.wasm"))
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<12 {
			return
		}
		m, err := Parse(b)
		if err != nil {
			return
		}
		o := Options{Import: func(i int, imp types.CoreImport) (string, string) { return imp.Module + "x", imp.Name }}
		if len(b)%2 == 0 {
			o.StripData, o.ExportGlobals, o.MoveStart, o.RaiseMemory = true, true, true, true
		}
		if len(b)%3 > 0 {
			o.Fuel = &Fuel{Module: "meter", Name: "tick", Stack: len(b) % 3 >> 1 << 20}
		}
		out, err := m.Apply(o)
		if err != nil {
			return
		}
		for _, imp := range m.Imports {
			if imp.Module == "" {
				return // which the engine refuses
			}
		}
		before, errBefore := runtime.CompileModule(ctx, b)
		after, errAfter := runtime.CompileModule(ctx, out.Wasm)
		if (errBefore == nil) != (errAfter == nil) {
			t.Fatalf("before: %v, after: %v", errBefore, errAfter)
		}
		if errBefore == nil {
			before.Close(ctx)
			after.Close(ctx)
		}
	})
}

// FuzzSame runs what a module exports with fuel, and if it comes to an end
// without it, and compares.
func FuzzSame(f *testing.F) {
	seeds(f)
	f.Add(fixture(f, "guest.wasm"))
	f.Add(fixture(f, "kernels.wasm"))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if len(b) > 1<<12 || err != nil || len(m.Imports) > 0 {
			return
		}
		out, err := m.Apply(Options{Fuel: &Fuel{Module: "meter", Name: "tick", Stack: 1 << 16}, MaxTable: 1 << 16})
		if err != nil {
			return
		}
		with := attempt(t, out.Wasm, m, &meter{slice: 1000, stop: errExhausted, after: 100})
		if slices.ContainsFunc(with, func(s string) bool { return strings.Contains(s, errExhausted.Error()) }) {
			return
		}
		same, err := m.Apply(Options{MaxTable: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(attempt(t, same.Wasm, m, nil), with); diff != "" {
			t.Errorf("-plain +fuel:\n%s", diff)
		}
	})
}

// attempt calls the exported functions of a module, as far as it can be
// instantiated, and tells what they return.
func attempt(t *testing.T, wasm []byte, m *Module, fuel *meter) []string {
	ctx := context.Background()
	r := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithMemoryLimitPages(64))
	defer r.Close(ctx)
	if fuel != nil {
		hostMeter(t, r, fuel)
	}
	mod, err := r.InstantiateWithConfig(ctx, wasm, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		if text := kind(err); !strings.Contains(text, "function[") { // of which there are others
			return []string{"not instantiated: " + text}
		}
		return []string{"not instantiated"}
	}
	var outs []string
	for _, e := range m.Exports {
		if e.Sort != types.CoreSortFunc {
			continue
		}
		f := mod.ExportedFunction(e.Name)
		args := make([]uint64, 2*len(f.Definition().ParamTypes()))[:len(f.Definition().ParamTypes())]
		for i, p := range f.Definition().ParamTypes() {
			if p != api.ValueTypeExternref && p != 0x70 {
				args[i] = uint64(i + 3)
			}
		}
		results, err := f.Call(ctx, args...)
		text := fmt.Sprint(e.Name, results)
		for _, r := range f.Definition().ResultTypes() {
			if r == api.ValueTypeExternref || r == 0x70 {
				text = e.Name // references are addresses
			}
		}
		if err != nil {
			text = e.Name + " " + kind(err)
		}
		outs = append(outs, text)
	}
	return outs
}

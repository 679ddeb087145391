package abi

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/neutrino-local/neutrino-local/runtime/component/types"
)

var (
	definitions = flag.String("definitions", "", "compare with the component model's definitions.py, this `file`")
	oracleCases = flag.Int("cases", 2000, "how many random cases to compare")
	oracleSeed  = flag.Uint64("seed", 1, "of the random cases")
	update      = flag.Bool("update", false, "write the vectors, which takes -definitions")
)

const vectorFile = "testdata/vectors.json"

// A caseType is a type as cases write it.
type caseType struct {
	K string      `json:"k"`
	P []*caseType `json:"p,omitempty"`
	N int         `json:"n,omitempty"`
}

// A vector is a case, what is to be done, with its result.
type vector struct {
	Type     *caseType `json:"type"`
	Encoding int       `json:"encoding"`
	Form     int       `json:"form"` // of strings: where they came from
	Most     int       `json:"most"`
	Memory   int       `json:"memory,omitempty"` // lower: bytes of memory
	Value    any       `json:"value,omitempty"`  // lower
	Flat     []string  `json:"flat,omitempty"`   // lift
	Bytes    string    `json:"bytes,omitempty"`  // lift

	Want *outcome `json:"want,omitempty"`
}

type outcome struct {
	Flat  []string   `json:"flat,omitempty"`
	Calls [][]string `json:"calls,omitempty"`
	Bytes string     `json:"bytes,omitempty"`
	Value any        `json:"value,omitempty"`
	Trap  bool       `json:"trap,omitempty"`
}

// TestVectors replays what the specification said.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile(vectorFile)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(b, &vectors); err != nil {
		t.Fatal(err)
	}
	traps := 0
	for i, v := range vectors {
		v.compare(t, i)
		if v.Want.Trap {
			traps++
		}
	}
	t.Logf("%d vectors, %d of them traps", len(vectors), traps)
}

// TestDefinitions compares random cases with the specification.
func TestDefinitions(t *testing.T) {
	if *definitions == "" {
		t.Skip("no -definitions")
	}
	r := rand.New(rand.NewPCG(*oracleSeed, 0))
	cases := make([]vector, *oracleCases)
	for i := range cases {
		cases[i] = randomCase(r)
	}
	in, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "python3", "testdata/oracle.py", *definitions)
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var results []outcome
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	for i := range cases {
		cases[i].Want = &results[i]
		cases[i].compare(t, i)
	}
	if *update {
		writeVectors(t, cases)
	}
}

func writeVectors(t *testing.T, cases []vector) {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, v := range cases {
		line, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		if b.Len()+len(line) > 250_000 {
			break
		}
		if i > 0 {
			b.WriteString(",\n")
		}
		b.Write(line)
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile(vectorFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (v vector) compare(t *testing.T, i int) {
	t.Helper()
	typ := v.Type.build(t)
	p := NewCompiler().CompileParams([]*types.Value{typ}, v.Most)
	var got outcome
	if v.Value != nil {
		got = v.lower(t, typ, p)
	} else {
		got = v.lift(t, typ, p)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(v.Want)
	if !bytes.Equal(a, b) {
		in, _ := json.Marshal(v)
		t.Errorf("case %d: %s\ngot  %s\nwant %s\nfrom %s", i, typ, a, b, in)
	}
}

func (v vector) lower(t *testing.T, typ *types.Value, p *Params) outcome {
	cx, g := newContext(Encoding(v.Encoding))
	g.ram = make(ram, v.Memory)
	flat := make([]uint64, types.MaxFlat)
	if err := p.LowerParams(cx, []Value{toValue(typ, v.Value, v.Form)}, flat); err != nil {
		t.Errorf("lower: %v", err)
		return outcome{}
	}
	out := outcome{Bytes: hex.EncodeToString(g.ram[1024:max(g.next, 1024)])}
	for _, f := range flat[:p.Core()] {
		out.Flat = append(out.Flat, strconv.FormatUint(f, 10))
	}
	for _, c := range g.calls {
		var from, to, align uint32
		fmt.Sscanf(c, "%d→%d/%d", &from, &to, &align)
		out.Calls = append(out.Calls, []string{fmt.Sprint(from), fmt.Sprint(align), fmt.Sprint(to)})
	}
	return out
}

func (v vector) lift(t *testing.T, typ *types.Value, p *Params) outcome {
	cx, g := newContext(Encoding(v.Encoding))
	b, err := hex.DecodeString(v.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	g.ram = b
	cx.Begin()
	flat := make([]uint64, types.MaxFlat)
	for i, f := range v.Flat {
		flat[i], _ = strconv.ParseUint(f, 10, 64)
	}
	vs := make([]Value, 1)
	if err := p.Lift(cx, flat, vs); err != nil {
		return outcome{Trap: true}
	}
	return outcome{Value: fromValue(typ, vs[0])}
}

// build makes the type.
func (c *caseType) build(t testing.TB) *types.Value {
	if c == nil {
		return nil
	}
	for k := types.Bool; k <= types.String; k++ {
		if k.String() == c.K {
			return types.Prim(k)
		}
	}
	parts := make([]*types.Value, len(c.P))
	for i, p := range c.P {
		parts[i] = p.build(t)
	}
	var labels []string
	for i := range c.N {
		labels = append(labels, fmt.Sprintf("l%d", i))
	}
	switch c.K {
	case "list":
		return newType(t, types.Value{Kind: types.List, Elem: parts[0]})
	case "fixed":
		return newType(t, types.Value{Kind: types.FixedList, Elem: parts[0], Length: uint32(c.N)})
	case "map":
		return newType(t, types.Value{Kind: types.Map, Key: parts[0], Elem: parts[1]})
	case "record":
		return newType(t, types.Value{Kind: types.Record, Fields: fieldsOf(parts...)})
	case "tuple":
		return newType(t, types.Value{Kind: types.Tuple, Fields: fieldsOf(parts...)})
	case "option":
		return newType(t, types.Value{Kind: types.Option, Elem: parts[0]})
	case "result":
		return newType(t, types.Value{Kind: types.Result, Elem: parts[0], Err: parts[1]})
	case "enum":
		return newType(t, types.Value{Kind: types.Enum, Labels: labels})
	case "flags":
		return newType(t, types.Value{Kind: types.Flags, Labels: labels})
	}
	v := types.Value{Kind: types.Variant}
	for i, p := range parts {
		v.Cases = append(v.Cases, types.Case{Name: fmt.Sprintf("l%d", i), Type: p})
	}
	return newType(t, v)
}

// toValue makes the value that a case writes.
func toValue(t *types.Value, v any, f int) Value {
	if s, ok := v.(string); ok {
		if t.Kind == types.String {
			out := String(s)
			if out.form = form(f); f == 2 && strings.ContainsFunc(s, func(r rune) bool { return r > 255 }) {
				out.form = formWide
			}
			return out
		}
		n, _ := strconv.ParseUint(strings.TrimPrefix(s, "-"), 10, 64)
		if s[0] == '-' {
			n = -n
		}
		kind := t.Kind
		if kind == types.Enum {
			kind = types.Variant
		}
		return Value{kind: kind, num: n}
	}
	list := v.([]any)
	if cases := t.AsCases(); cases != nil {
		n, _ := strconv.Atoi(list[0].(string))
		if cases[n].Type == nil {
			return Case(n)
		}
		return Variant(n, toValue(cases[n].Type, list[1], f))
	}
	var parts []Value
	for i, e := range list {
		elem := t.ListElem()
		if len(t.Fields) > 0 {
			elem = t.Fields[i].Type
		}
		parts = append(parts, toValue(elem, e, f))
	}
	if len(t.Fields) > 0 {
		return Record(parts...)
	}
	return List(parts...)
}

// fromValue writes a value as cases do.
func fromValue(t *types.Value, v Value) any {
	switch {
	case t.Kind == types.String:
		return v.Text()
	case t.Kind >= types.S8 && t.Kind <= types.S64 && v.kind == t.Kind && (t.Kind == types.S8 || t.Kind == types.S16 || t.Kind == types.S32 || t.Kind == types.S64):
		return strconv.FormatInt(v.S64(), 10)
	case t.Kind.Primitive() || t.Kind == types.Flags:
		return strconv.FormatUint(v.num, 10)
	}
	if cases := t.AsCases(); cases != nil {
		out := []any{strconv.Itoa(v.Case()), nil}
		if c := cases[v.Case()]; c.Type != nil {
			out[1] = fromValue(c.Type, v.Payload())
		}
		return out
	}
	out := []any{}
	for i, p := range v.Values() {
		elem := t.ListElem()
		if len(t.Fields) > 0 {
			elem = t.Fields[i].Type
		}
		out = append(out, fromValue(elem, p))
	}
	return out
}

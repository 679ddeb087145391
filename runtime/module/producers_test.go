package module

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vec is a vector of bytes in the binary format.
func vec(s string) string {
	n, head := len(s), ""
	for n >= 0x80 {
		head += string([]byte{byte(n) | 0x80})
		n >>= 7
	}
	return head + string([]byte{byte(n)}) + s
}

func sectionOf(kind byte, content string) string { return string([]byte{kind}) + vec(content) }

const (
	coreHead      = "\x00asm\x01\x00\x00\x00"
	componentHead = "\x00asm\x0d\x00\x01\x00"
)

func producersSection(fields ...string) string {
	return sectionOf(0, vec("producers")+string([]byte{byte(len(fields))})+strings.Join(fields, ""))
}

func field(name string, tools ...string) string {
	return vec(name) + string([]byte{byte(len(tools) / 2)}) + func() (s string) {
		for _, t := range tools {
			s += vec(t)
		}
		return s
	}()
}

func TestProducers(t *testing.T) {
	rust := coreHead + sectionOf(1, "\x00") + producersSection(field("processed-by", "rustc", "1.90.0"), field("language", "Rust", ""))
	tests := []struct {
		name, wasm, err string
		want            []Tool
	}{
		{"a module", rust, "", []Tool{{"language", "Rust", ""}, {"processed-by", "rustc", "1.90.0"}}},
		{"no section", coreHead + sectionOf(0, vec("name")+"x"), "", nil},
		{"a component, told twice", componentHead + sectionOf(1, rust) + sectionOf(4, componentHead+sectionOf(1, rust)) +
			producersSection(field("processed-by", "wit-component", "0.2")), "",
			[]Tool{{"language", "Rust", ""}, {"processed-by", "rustc", "1.90.0"}, {"processed-by", "wit-component", "0.2"}}},
		{"a type section is no module", coreHead + sectionOf(1, rust), "", nil},
		{"a long name", coreHead + producersSection(field("sdk", strings.Repeat("x", 1000), "1")), "", []Tool{{"sdk", strings.Repeat("x", maxTool), "1"}}},
		{"cut off", rust[:len(rust)-4], "beyond the end", nil},
		{"a count that lies", coreHead + sectionOf(0, vec("producers")+"\x01"+vec("sdk")+"\x3f"), "beyond the end", nil},
		{"too many fields", coreHead + sectionOf(0, vec("producers")+"\xff\x7f"+strings.Repeat("\x00", 100)), "limit", nil},
		{"not wasm", "#!/bin/sh\n", "no magic number", nil},
		{"nothing", "", "too short", nil},
	}
	for _, tt := range tests {
		got, err := Producers(strings.NewReader(tt.wasm), int64(len(tt.wasm)))
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if err == nil && tt.err != "" || err != nil && (tt.err == "" || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.err)
		}
	}
}

func TestProducersAreBounded(t *testing.T) {
	many := coreHead + strings.Repeat(sectionOf(0, vec("x")), maxSections+1)
	if _, err := Producers(strings.NewReader(many), int64(len(many))); err == nil {
		t.Error("any number of sections is looked at")
	}
	deep := coreHead + producersSection(field("language", "C", ""))
	for range maxNesting + 1 {
		deep = componentHead + sectionOf(4, deep)
	}
	if got, err := Producers(strings.NewReader(deep), int64(len(deep))); err != nil || got != nil {
		t.Errorf("too deep: %v, %v", got, err)
	}
}

func FuzzProducers(f *testing.F) {
	f.Add([]byte(coreHead + producersSection(field("language", "C", ""))))
	f.Add([]byte(componentHead + sectionOf(1, coreHead)))
	f.Fuzz(func(t *testing.T, wasm []byte) {
		tools, _ := Producers(struct{ io.ReaderAt }{bytes.NewReader(wasm)}, int64(len(wasm)))
		if len(tools) > maxTools {
			t.Errorf("%d tools", len(tools))
		}
		for _, tool := range tools {
			if len(tool.Name) > maxTool || len(tool.Version) > maxTool || len(tool.Field) > maxTool {
				t.Errorf("long: %v", tool)
			}
		}
	})
}

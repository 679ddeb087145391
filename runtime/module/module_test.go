package module

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const head = "\x00asm\x01\x00\x00\x00"

func section(id byte, body string) string {
	n := len(body)
	return string([]byte{id, byte(n&0x7f | 0x80), byte(n>>7&0x7f | 0x80), byte(n >> 14)}) + body
}

func TestRead(t *testing.T) {
	b := head +
		section(1, "\x01\x60\x01\x7f\x01\x7f") +
		section(2, "\x02\x03env\x01f\x00\x00\x03env\x01m\x02\x01\x02\x03") +
		section(3, "\x01\x00") +
		section(4, "\x01\x70\x00\x05") +
		section(6, "\x01\x7f\x00\x41\x80\x01\x0b") +
		section(7, "\x01\x06_start\x00\x01") +
		section(9, "\x01\x00\x41\x00\x0b\x01\x00") +
		section(10, "\x01\x04\x01\x02\x7f\x0b") +
		section(11, "\x01\x00\x41\x00\x0b\x02hi") +
		section(0, "\x04name\x01\x04\x01\x00\x01f") +
		section(0, "\x14component-type:guest")
	got, err := Read([]byte(b))
	if err != nil {
		t.Fatal(err)
	}
	want := &Outline{
		Imports: []Import{{"env", "f", Func}, {"env", "m", Memory}},
		Exports: map[string]Kind{"_start": Func},
		Memory:  2,
		World:   true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Read (-want +got):\n%s", diff)
	}
	if got := want.Imports[1].String(); got != "env.m (memory)" {
		t.Errorf("String = %q", got)
	}
}

func TestReadRefuses(t *testing.T) {
	huge := "\xff\xff\xff\xff\x0f"
	for name, b := range map[string]string{
		"empty":                  "",
		"text":                   "(module)",
		"garbage after the head": head + "garbage that is no section",
		"unknown version":        "\x00asm\x02\x00\x00\x00",
		"section beyond the end": head + "\x01\x7f",
		"many types":             head + section(1, huge),
		"many params":            head + section(1, "\x01\x60"+huge),
		"many imports":           head + section(2, huge),
		"a long name":            head + section(2, "\x01"+huge+"xxxx"),
		"a large table":          head + section(4, "\x01\x70\x00"+huge),
		"many elements":          head + section(9, "\x01\x00\x41\x00\x0b"+huge),
		"many locals":            head + section(10, "\x01\x08\x01"+huge+"\x7f\x0b"),
		"locals that add up":     head + section(10, "\x01\x0a\x02\xc0\xb8\x02\x7f\xc0\xb8\x02\x7f\x0b"),
		"long data":              head + section(11, "\x01\x00\x41\x00\x0b"+huge),
		"an opcode in data":      head + section(11, "\x01\x00\x10\x00\x0b\x00"),
		"many names":             head + section(0, "\x04name\x01\x05"+huge),
		"an overlong integer":    head + "\x01" + strings.Repeat("\x80", 20) + "\x00",
	} {
		if _, err := Read([]byte(b)); err == nil {
			t.Errorf("%s: Read returned no error", name)
		}
	}
	if _, err := Read([]byte("\x00asm\x0d\x00\x01\x00")); !errors.Is(err, ErrComponent) {
		t.Errorf("a component: %v, want ErrComponent", err)
	}
}

// TestReadGo reads what a real toolchain makes.
func TestReadGo(t *testing.T) {
	dir := t.TempDir()
	source, wasm := filepath.Join(dir, "main.go"), filepath.Join(dir, "main.wasm")
	if err := os.WriteFile(source, []byte("package main\nfunc main() { println(1) }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", wasm, source)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "GOFLAGS=", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	b, err := os.ReadFile(wasm)
	if err != nil {
		t.Fatal(err)
	}
	o, err := Read(b)
	if err != nil {
		t.Fatal(err)
	}
	if o.Exports["_start"] != Func || o.Memory == 0 || len(o.Imports) == 0 {
		t.Errorf("Read = %d imports, exports %v, %d pages", len(o.Imports), o.Exports, o.Memory)
	}
	for n := 0; n < len(b); n += 4999 { // cut short anywhere, it is an error or a shorter module
		Read(b[:n])
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(head + section(1, "\x01\x60\x00\x00") + section(10, "\x01\x02\x00\x0b")))
	f.Add([]byte(head + section(0, "\x04name\x02\x05\x01\x00\x01\x00\x00")))
	f.Fuzz(func(t *testing.T, b []byte) {
		o, err := Read(b)
		if err == nil && !bytes.HasPrefix(b, []byte(head)) {
			t.Errorf("Read accepts %x", b)
		}
		if (o == nil) == (err == nil) {
			t.Errorf("Read = %v, %v", o, err)
		}
		if err == nil {
			if _, err := ActiveData(b); err != nil {
				t.Errorf("ActiveData = %v", err)
			}
		}
	})
}

func TestActiveData(t *testing.T) {
	for in, want := range map[string]bool{
		head + section(1, "\x00"):                                 false,
		head + section(11, "\x02\x01\x00\x01\x01x"):               false,
		head + section(11, "\x02\x01\x00\x00\x41\x00\x0b\x01x"):   true,
		head + section(11, "\x01\x02\x00\x23\x00\x0b\x00"):        true,
		head + section(11, "\x00") + section(0, "\x01x"):          false,
		head + section(1, "\x00") + section(11, "\x01\x01\x02ab"): false,
	} {
		if got, err := ActiveData([]byte(in)); got != want || err != nil {
			t.Errorf("ActiveData(%x) = %v, %v, want %v", in, got, err, want)
		}
	}
}

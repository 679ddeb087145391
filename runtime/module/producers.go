package module

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Bounds of what is read of a file for its producers.
const (
	maxSections  = 100_000 // looked at, nested ones included
	maxProducers = 64 << 10
	maxNesting   = 8
	maxTools     = 64
	maxTool      = 100 // bytes of a name or a version
)

// A Tool is something that has made a module: a language, a compiler, an SDK.
type Tool struct {
	Field         string // language, processed-by or sdk
	Name, Version string
}

// Producers returns what the producers sections of a module, or of a component
// and what is in it, tell (Tool Conventions, "Producers Section"). It reads the
// heads of sections and skips the rest. What cannot be read is not told of: the
// error says why it stopped, and the tools so far are good.
func Producers(file io.ReaderAt, size int64) ([]Tool, error) {
	p := &producers{file: file, sections: maxSections}
	err := p.binary(0, size, 0)
	slices.SortStableFunc(p.tools, func(a, b Tool) int { return strings.Compare(a.Field, b.Field) })
	return p.tools, err
}

type producers struct {
	file     io.ReaderAt
	sections int // that may still be looked at
	tools    []Tool
}

// binary reads the module or component that is from offset to end.
func (p *producers) binary(offset, end int64, depth int) error {
	var head [preamble]byte
	if end-offset < preamble {
		return errors.New("not WebAssembly: too short")
	}
	if _, err := p.file.ReadAt(head[:], offset); err != nil {
		return err
	}
	if string(head[:4]) != "\x00asm" {
		return errors.New("not WebAssembly: no magic number")
	}
	component := binary.LittleEndian.Uint16(head[6:]) == 1
	for offset += preamble; offset < end; {
		kind, content, next, err := p.section(offset, end)
		if err != nil {
			return err
		}
		switch {
		case kind == customSection && next-content <= maxProducers:
			err = p.custom(content, next)
		case component && (kind == nestedModule || kind == nestedComponent) && depth < maxNesting:
			err = p.binary(content, next, depth+1)
		}
		if err != nil {
			return err
		}
		offset = next
	}
	return nil
}

// Sections of a component that hold whole binaries.
const (
	customSection   = 0
	nestedModule    = 1
	nestedComponent = 4
)

// section reads the head of a section: its content is from content to next.
func (p *producers) section(offset, end int64) (kind byte, content, next int64, err error) {
	if p.sections--; p.sections < 0 {
		return 0, 0, 0, fmt.Errorf("more than %d sections", maxSections)
	}
	var head [11]byte
	n, err := p.file.ReadAt(head[:min(int64(len(head)), end-offset)], offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, 0, err
	}
	r := &reader{b: head[:n], at: int(offset)}
	kind = r.byte()
	length := r.uint()
	if r.err != nil {
		return 0, 0, 0, r.err
	}
	content = offset + int64(n-len(r.b))
	if length > uint64(end-content) {
		return 0, 0, 0, fmt.Errorf("section %d at offset 0x%x is beyond the end", kind, offset)
	}
	return kind, content, content + int64(length), nil
}

// custom reads a custom section if it is one of producers.
func (p *producers) custom(content, end int64) error {
	const name = "producers"
	var head [1 + len(name)]byte
	if end-content < int64(len(head)) {
		return nil
	}
	if _, err := p.file.ReadAt(head[:], content); err != nil {
		return err
	}
	if head[0] != byte(len(name)) || string(head[1:]) != name {
		return nil
	}
	b := make([]byte, end-content-int64(len(head)))
	if _, err := p.file.ReadAt(b, content+int64(len(head))); err != nil {
		return err
	}
	r := &reader{b: b, at: int(content) + len(head)}
	for range r.count("fields", 2, maxTools) {
		field := r.text()
		for range r.count("tools", 2, maxTools) {
			tool := Tool{field, r.text(), r.text()}
			if r.err == nil && len(p.tools) < maxTools && !slices.Contains(p.tools, tool) {
				p.tools = append(p.tools, tool)
			}
		}
	}
	return r.err
}

// text reads a string, of which the beginning is kept.
func (r *reader) text() string {
	s := strings.ToValidUTF8(string(r.take(r.uint()).b), "\uFFFD")
	if len(s) > maxTool {
		s = strings.ToValidUTF8(s[:maxTool], "")
	}
	return s
}

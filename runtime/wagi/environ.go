package wagi

import (
	"context"
	"encoding/binary"
)

// An environ is the environment of one guest. The headers of a request are in it,
// so there may be tens of thousands of variables; the configuration of a wazero
// module copies all of them for each one that is added.
type environ struct {
	variables []Variable
	size      int // in memory: NAME=VALUE and a zero byte each
}

func newEnviron(variables []Variable) environ {
	e := environ{variables: variables}
	for _, v := range variables {
		e.size += len(v.Name) + len("=") + len(v.Value) + 1
	}
	return e
}

const fault = 21 // errno fault of preview 1

// environSizesGet is environ_sizes_get: how many variables there are, and how
// many bytes they need.
func environSizesGet(_ context.Context, s *system, stack []uint64) {
	e, memory := &s.environ, s.module.Memory()
	count, size := uint32(stack[0]), uint32(stack[1])
	stack[0] = 0
	if !memory.WriteUint32Le(count, uint32(len(e.variables))) || !memory.WriteUint32Le(size, uint32(e.size)) {
		stack[0] = fault
	}
}

// environGet is environ_get: it writes the variables one after the other, and
// where each one begins.
func environGet(_ context.Context, s *system, stack []uint64) {
	e, memory := &s.environ, s.module.Memory()
	begins, text := uint32(stack[0]), uint32(stack[1])
	stack[0] = fault
	pointers, ok := memory.Read(begins, uint32(4*len(e.variables)))
	if !ok {
		return
	}
	buffer, ok := memory.Read(text, uint32(e.size))
	if !ok {
		return
	}
	at := 0
	for i, v := range e.variables {
		binary.LittleEndian.PutUint32(pointers[4*i:], text+uint32(at))
		at += copy(buffer[at:], v.Name)
		at += copy(buffer[at:], "=")
		at += copy(buffer[at:], v.Value)
		buffer[at] = 0
		at++
	}
	stack[0] = 0
}

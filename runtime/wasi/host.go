// Package wasi gives components WASI 0.2 but for its HTTP: the command line,
// streams and polls, clocks, random numbers, files and sockets.
//
// Link offers the interfaces once in a process; what one instance may see and
// use is its State, which is set before its guest runs and is gone with it. A
// State grants nothing by itself: no environment, no files, no network. Host
// functions are blocking Go that ends with the context of the call.
package wasi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/filesystem"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/sockets"
	"github.com/neutrino-local/neutrino-local/runtime/wasi/stream"
)

// Tracks of the package versions that are offered. A candidate is bound by its
// own name only.
const (
	track02  = "0.2.0"
	trackNov = "0.2.0-rc-2023-11-10"
	trackOct = "0.2.0-rc-2023-10-18"
)

// A Host has the resource types that interfaces share.
type Host struct {
	Errors    component.Resource[*stream.Failure]
	Pollables component.Resource[*Pollable]
	Inputs    component.Resource[*stream.InputStream]
	Outputs   component.Resource[*stream.OutputStream]

	states      component.Slot[*State]
	descriptors component.Resource[*filesystem.Descriptor]
	listings    component.Resource[*filesystem.Entries]
	start       time.Time // of the monotonic clock
}

// Link offers the interfaces to components that l links.
func Link(l *component.Linker) *Host {
	h := &Host{states: component.NewSlot[*State](l), start: time.Now()}
	h.linkIO(l)
	h.linkCLI(l)
	h.linkClocks(l)
	h.linkRandom(l)
	h.linkFiles(l)
	h.linkSockets(l)
	Declare(l)
	return h
}

// A Variable is a variable of the environment.
type Variable struct{ Name, Value string }

// A Preopen is a directory that an instance finds open. It is closed with the
// instance.
type Preopen struct {
	Path string // as the guest knows it
	Dir  *filesystem.Descriptor
}

// A State is what one instance sees and uses. Its zero value has nothing.
type State struct {
	Arguments   []string
	Environment []Variable
	Directory   string       // the initial working directory; "" is none
	Stdin       stream.Input // nil is empty
	Stdout      io.Writer    // nil drops what is written
	Stderr      io.Writer
	Terminal    [3]bool // whether stdin, stdout and stderr are terminals
	Preopens    []Preopen
	Network     *sockets.Network // nil reaches nothing

	work sync.WaitGroup // goroutines that do for the guest what blocks
}

// Set gives in its state. Call it in InstanceConfig.Init.
func (h *Host) Set(in *component.Instance, s *State) {
	h.states.Set(in, s)
	in.OnClose(s.close)
}

// State returns the state of an instance.
func (h *Host) State(in *component.Instance) *State { return h.states.In(in) }

// Of returns the state of the instance that c is a call of.
func (h *Host) Of(c *component.Call) *State { return h.states.Get(c) }

// Run runs f in a goroutine that the instance waits for when it is closed. f
// must end soon after that.
func (s *State) Run(f func()) { s.work.Go(f) }

func (s *State) close(context.Context) error {
	var errs []error
	for _, p := range s.Preopens {
		errs = append(errs, p.Dir.Close())
	}
	s.work.Wait()
	return errors.Join(errs...)
}

// An ExitError ends a guest that asked for its end.
type ExitError struct{ Code uint8 }

func (e *ExitError) Error() string { return fmt.Sprintf("exit with code %d", e.Code) }

// A scope offers functions of one interface in several versions.
type scope struct {
	l     *component.Linker
	names []string
}

// in returns the scope of an interface, as "wasi:io/streams", in versions.
func in(l *component.Linker, name string, versions ...string) scope {
	s := scope{l: l}
	for _, v := range versions {
		s.names = append(s.names, name+"@"+v)
	}
	return s
}

func (s scope) fn(name string, fn component.HostFunc) {
	for _, n := range s.names {
		s.l.Func(n, name, fn)
	}
}

// resource offers a resource type in all versions of s.
func resource[T any](s scope, name string, drop func(context.Context, T) error) component.Resource[T] {
	r := component.NewResource(s.l, s.names[0], name, drop)
	for _, n := range s.names[1:] {
		r.Also(s.l, n, name)
	}
	return r
}

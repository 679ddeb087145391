package wagi

import (
	"context"
	"io"
	"math"
	"time"

	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/neutrino-local/neutrino-local/runtime/files"
)

// A system is all that preview 1 keeps for a guest while it works on a request.
//
// wazero keeps arguments, descriptors and clocks in the instance of a module, for
// as long as there is one. Guests are used for more than one request, so this is
// not the guest's instance but another one, of a module that is nothing but a
// memory, and that memory is a view of the guest's: wazero's functions do to it
// what they would do to the guest. An exit closes it and leaves the guest whole.
//
// It is for one goroutine at a time, as the guest is.
type system struct {
	module  api.Module
	environ environ
	mount   *mount // nil: no files

	ctx   context.Context // of the call that is at work, or was the last
	view  []byte          // the guest's memory
	pages uint32          // of it
}

// onlyMemory is a module with a memory that is empty and may become as large as
// any.
var onlyMemory = []byte("\x00asm\x01\x00\x00\x00" + "\x05\x03\x01\x00\x00" + "\x07\x0a\x01\x06memory\x02\x00")

func (p *Preview1) newSystem(i *Invocation, tree *files.Tree) (*system, error) {
	s := &system{environ: newEnviron(i.Environment), ctx: context.Background()}
	c := p.config.WithArgs(i.Arguments...).WithNanosleep(s.sleep)
	if i.Stdin != nil {
		c = c.WithStdin(untilReader{s, i.Stdin})
	}
	if i.Stdout != nil {
		c = c.WithStdout(until{s, i.Stdout})
	}
	if i.Stderr != nil {
		c = c.WithStderr(until{s, i.Stderr})
	}
	if tree != nil {
		s.mount = newMount(s.context, tree)
		c = c.WithFSConfig(s.mount.config())
	}
	ctx := experimental.WithMemoryAllocator(context.Background(), s) // it waits for nothing
	var err error
	s.module, err = p.runtime.InstantiateModule(ctx, p.blank, c)
	return s, err
}

// Allocate makes the system the memory of its module.
func (s *system) Allocate(_, _ uint64) experimental.LinearMemory { return s }

// Reallocate is called when the module's memory is to become as large as the
// guest's.
func (s *system) Reallocate(uint64) []byte { return s.view }

// Free leaves the memory alone, which is the guest's.
func (s *system) Free() {}

// enter readies the system for a call by its guest, whose memory may have grown.
func (s *system) enter(ctx context.Context, memory api.Memory) {
	s.ctx = ctx
	pages, _ := memory.Grow(0)
	if pages == s.pages {
		return
	}
	const most = math.MaxUint32 // of 4 GiB the last byte is out of reach
	s.view, _ = memory.Read(0, uint32(min(uint64(pages)<<16, most)))
	s.module.Memory().Grow(pages - s.pages)
	s.pages = pages
}

// close closes what the guest has left open.
func (s *system) close(ctx context.Context) error {
	if s.mount != nil {
		defer s.mount.close()
	}
	return s.module.Close(ctx)
}

func (s *system) context() context.Context { return s.ctx }

// sleep ends with the call.
func (s *system) sleep(ns int64) {
	t := time.NewTimer(time.Duration(ns))
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// until writes until the guest's call ends. One function of preview 1 can write
// the same page any number of times, and nothing else ends it.
type until struct {
	*system
	w io.Writer
}

func (u until) Write(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.w.Write(p)
}

// untilReader reads until the guest's call ends.
type untilReader struct {
	*system
	r io.Reader
}

func (u untilReader) Read(p []byte) (int, error) {
	if u.ctx.Err() != nil {
		return 0, context.Cause(u.ctx)
	}
	return u.r.Read(p)
}

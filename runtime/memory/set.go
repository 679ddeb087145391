package memory

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/experimental"
)

// Limits that refuse memory, by name.
const (
	LimitInstance = "memory of an instance"
	LimitServer   = "guest memory of the server"
	LimitModule   = "maximum of the module" // its own: refusing is no news
	LimitSystem   = "memory of the system"
)

// A Refusal says which limit was met.
type Refusal struct {
	Limit string
	Value uint64 // bytes; 0 for LimitSystem
	Seen  uint64 // bytes that it would have been
}

// A LimitError is that there is no room for what memories begin with.
type LimitError struct{ Refusal }

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: limit %d bytes, seen %d bytes", e.Limit, e.Value, e.Seen)
}

// Errors of Reset. Both mean that the instance has to be made anew.
var (
	// ErrFresh is what Reset returns if the method is Fresh.
	ErrFresh = errors.New("memories are not reset, by the method in use")
	// ErrStuck is a memory that is as large as the engine lets it be, and so
	// cannot be shrunk by growing it.
	ErrStuck = errors.New("a memory at its maximum cannot be shrunk")
)

// A Set has the memories of one instance, and is the allocator to instantiate
// its modules with. Like the instance it is for one goroutine at a time.
type Set struct {
	space    *Space
	limit    uint64 // bytes of all; 0: none
	memories []linear
	next     int           // memory to allocate
	size     atomic.Uint64 // bytes of all, as accounted
	kept     uint64        // bytes behind what they began with, resident since the last reset; accounted too
	refusal  Refusal       // the first one since the last reset
	refused  int
	released bool
}

// A linear memory is one of a set.
type linear struct {
	set    *Set
	image  *Image
	slot   slot
	size   uint64
	shrink bool // the next Reallocate is our own, see Reset
}

// Reserve makes room for the memories of an instance, in the order in which its
// modules will be instantiated. All that can fail fails here and not while the
// engine instantiates, where it may not: no room within limit, which is for all
// memories together (0: none), or within the budget, is a *LimitError.
func (s *Space) Reserve(images []*Image, limit uint64) (*Set, error) {
	set := &Set{space: s, limit: limit, memories: make([]linear, len(images))}
	var size uint64
	for _, m := range images {
		size += m.min
	}
	if limit > 0 && size > limit {
		return nil, &LimitError{Refusal{LimitInstance, limit, size}}
	}
	if !s.budget.take(size) {
		s.count.refusedServer.Add(1)
		return nil, &LimitError{Refusal{LimitServer, s.budget.limit, s.budget.used.Load() + size}}
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		s.budget.give(size)
		return nil, errClosed
	}
	s.inUse++
	s.mu.Unlock()
	set.size.Store(size)
	for i, m := range images {
		room := m.max
		for _, bound := range []uint64{limit, s.budget.limit} {
			if bound > 0 {
				room = min(room, bound)
			}
		}
		l := &set.memories[i]
		slot, err := s.take(m, room)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("memory of %d bytes: %w", m.min, err), set.Release())
		}
		m.users.Add(1)
		*l = linear{set: set, image: m, slot: slot, size: m.min}
	}
	return set, nil
}

// Allocate returns the next memory of the set. The sizes that the engine names
// are those of the module and known already.
func (s *Set) Allocate(_, _ uint64) experimental.LinearMemory {
	if s.next == len(s.memories) {
		panic(fmt.Sprintf("memory: more memories are instantiated than the %d reserved", s.next))
	}
	s.next++
	return &s.memories[s.next-1]
}

// Reallocate grows the memory in place, or refuses. While a reset lasts it
// returns what the memory began with.
func (l *linear) Reallocate(size uint64) []byte {
	if l.shrink {
		l.shrink = false
		return l.slot.shrink(l.image.min)
	}
	if size <= l.size {
		return l.slot.grow(l.size)
	}
	s, more := l.set, size-l.size
	switch used := s.size.Load(); {
	case size > l.image.max:
		return s.refuse(LimitModule, l.image.max, size)
	case s.limit > 0 && used+more > s.limit:
		s.space.count.refusedInstance.Add(1)
		return s.refuse(LimitInstance, s.limit, used+more)
	case !s.space.budget.take(more):
		s.space.count.refusedServer.Add(1)
		return s.refuse(LimitServer, s.space.budget.limit, s.space.budget.used.Load()+more)
	}
	b := l.slot.grow(size)
	if b == nil {
		s.space.budget.give(more)
		return s.refuse(LimitSystem, 0, size)
	}
	l.size = size
	s.size.Add(more)
	return b
}

// Free does nothing: a module that only imports the memory frees it as well.
func (l *linear) Free() {}

func (s *Set) refuse(limit string, value, seen uint64) []byte {
	if s.refused == 0 || s.refusal.Limit == LimitModule {
		s.refusal = Refusal{limit, value, seen}
	}
	s.refused++
	return nil
}

// Refused returns the first grow that was refused since the last reset, one by
// the module's own maximum only if there is no other, and how many there were.
func (s *Set) Refused() (Refusal, int) { return s.refusal, s.refused }

// Size returns the bytes of all memories. It may be called by any goroutine.
func (s *Set) Size() uint64 { return s.size.Load() }

// A Memory is what Reset needs of an api.Memory.
type Memory interface {
	Grow(deltaPages uint32) (previousPages uint32, ok bool)
}

// A Result is what a reset took.
type Result struct {
	Pages     int // that were dirty
	Bytes     int // written
	Discarded int // memories whose pages were dropped, unseen
	Took      time.Duration

	beyond uint64 // bytes written behind what the memories begin with, that stay
}

// Reset puts the memories back to what they began with, size and content. They
// are given in the order in which they were allocated. No guest code may run.
// After an error the set can only be released.
func (s *Set) Reset(memories []Memory) (Result, error) {
	start := time.Now()
	if s.space.method == Fresh {
		return Result{}, ErrFresh
	}
	if len(memories) != len(s.memories) || s.next != len(s.memories) {
		return Result{}, fmt.Errorf("reset of %d memories, %d are reserved and %d allocated", len(memories), len(s.memories), s.next)
	}
	var r Result
	for i := range s.memories {
		l := &s.memories[i]
		if err := l.shrinkTo(memories[i]); err != nil {
			return r, err
		}
		if err := l.slot.reset(&r); err != nil {
			return r, fmt.Errorf("reset of a memory: %w", err)
		}
	}
	if err := s.keep(&r); err != nil {
		return r, fmt.Errorf("reset of a memory: %w", err)
	}
	s.refusal, s.refused = Refusal{}, 0
	r.Took = time.Since(start)
	s.space.count.add(r)
	return r, nil
}

// keep accounts for the pages that stay behind what the memories begin with:
// they are zero and will be grown into again. If there is no room for them they
// go as well.
func (s *Set) keep(r *Result) error {
	b := &s.space.budget
	if r.beyond <= s.kept {
		b.give(s.kept - r.beyond)
		s.kept = r.beyond
		return nil
	}
	if b.tryTake(r.beyond - s.kept) {
		s.kept = r.beyond
		return nil
	}
	for i := range s.memories {
		if _, err := s.memories[i].slot.recycle(); err != nil {
			return err
		}
		r.Discarded++
	}
	b.give(s.kept)
	s.kept = 0
	return nil
}

// shrinkTo gives the memory its first size. The engine's own way to change a
// memory's size is to grow it, and it takes the size that it is then given.
func (l *linear) shrinkTo(m Memory) error {
	if l.size == l.image.min {
		return nil
	}
	l.shrink = true
	if _, ok := m.Grow(1); !ok || l.shrink {
		return ErrStuck
	}
	l.set.space.budget.give(l.size - l.image.min)
	l.set.size.Add(l.image.min - l.size)
	l.size = l.image.min
	return nil
}

// Release gives the memories up. The instance's modules must have been closed,
// and nobody may hold a view of its memories. Another instance may use them at
// once.
func (s *Set) Release() error {
	if s.released {
		return nil
	}
	s.released = true
	var errs []error
	for i := range s.memories {
		l := &s.memories[i]
		if l.slot == nil { // Reserve has failed
			continue
		}
		errs = append(errs, s.space.put(l.slot))
		l.slot = nil
		l.image.users.Add(-1)
	}
	s.space.budget.give(s.size.Swap(0) + s.kept)
	s.space.mu.Lock()
	s.space.inUse--
	s.space.mu.Unlock()
	return errors.Join(errs...)
}

func (c *counter) add(r Result) {
	c.resets.Add(1)
	c.pages.Add(uint64(r.Pages))
	c.bytes.Add(uint64(r.Bytes))
	c.discards.Add(uint64(r.Discarded))
	c.took.Add(uint64(r.Took))
}

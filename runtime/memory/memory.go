// Package memory has the linear memories of guests, and puts them back to how
// they began in the time that it takes to copy what a guest has written.
//
// What a module's memory begins with is an [Image], made once. A [Set] has the
// memories of one instance: on Linux each is a private mapping of its image
// inside a reserved range of addresses, so an instance shares with others all
// that it has not written, grows without being moved, and is reset by copying
// back the pages that the kernel says are its own. Elsewhere memories are on
// the Go heap and written whole. A page counts as clean only if it is absent
// and not swapped out, or still the image's; a method that does not find the
// pages of a test mapping is not used. So nothing that one guest has written is
// ever seen by the next.
//
// Memory is accounted by size, which is what a guest could write, before it is
// handed out. Only the owner of a Set decides when its memories end: the engine
// that runs guests frees a memory whenever a module that imports it is closed,
// which means nothing here.
package memory

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Method is how memories are put back.
type Method int

// Methods, the best one first.
const (
	Auto    Method = iota // the best of the others that works
	Scan                  // PAGEMAP_SCAN finds the pages to copy: Linux 6.7
	Pagemap               // reading /proc/self/pagemap finds them: Linux
	Discard               // all pages are dropped by madvise: Linux
	Copy                  // on the Go heap, all of it is written: everywhere
	Fresh                 // on the Go heap, not at all: Reset is ErrFresh
)

var methodNames = [...]string{Auto: "auto", Scan: "scan", Pagemap: "pagemap", Discard: "discard", Copy: "copy", Fresh: "fresh"}

func (m Method) String() string {
	if m < 0 || int(m) >= len(methodNames) {
		return fmt.Sprintf("method %d", int(m))
	}
	return methodNames[m]
}

// Config is how a Space works.
type Config struct {
	Method Method
	// Budget bounds the bytes of all memories together; 0 is no bound.
	Budget uint64
	// Spare is how many mappings are kept for later instances; 0 is 32, less is
	// none.
	Spare int
	// Reclaim is called when Budget is short of need bytes, before that is
	// refused. It may release Sets. It is called by the goroutine of a guest,
	// and by several at once.
	Reclaim func(need uint64)
}

// A Space has the memories of all guests of a process. Its methods may be
// called by several goroutines at once.
type Space struct {
	method   Method
	rejected []error
	budget   budget
	source   source
	pageSize int

	mu     sync.Mutex
	closed bool    // guarded by mu
	images int     // guarded by mu; that are open
	inUse  int     // guarded by mu; sets
	spare  []slot  // guarded by mu; that are clean, the last used last
	most   int     // of spare
	count  counter // of what was done
}

// A counter has the sums behind Stats.
type counter struct {
	resets, pages, bytes, discards, took atomic.Uint64
	refusedInstance, refusedServer       atomic.Uint64
	reserved                             atomic.Uint64
}

// A source makes images and slots for one method.
type source interface {
	newImage(c content) (backing, error)
	newSlot(room uint64) (slot, error)
	close() error
}

// A backing is what an image is kept in.
type backing interface {
	view() []byte // whole pages; read only
	close() error
}

// A slot is room for one memory, bound to an image or to none. After an error
// it can only be closed.
type slot interface {
	room() uint64
	image() *Image
	// bind makes min bytes accessible, with the content of the image. The slot
	// is unbound.
	bind(m *Image, min uint64) error
	// grow makes size bytes accessible and returns them; nil if the system has
	// no room. What comes into reach is zero.
	grow(size uint64) []byte
	// shrink returns the first size bytes; the memory is reset next.
	shrink(size uint64) []byte
	// reset puts everything back that was in reach since bind or reset.
	reset(r *Result) error
	// recycle readies the slot for another instance of its image, and reports
	// whether it is worth keeping.
	recycle() (keep bool, err error)
	// unbind takes the image away.
	unbind() error
	close() error
}

// retained is how many bytes of written pages a memory keeps between resets at
// most: beyond it they are dropped. Copying a page costs a fraction of what the
// next guest pays for having it faulted in, so this bounds memory, not time.
const retained = 4 << 20

// defaultSpare is how many slots are kept without an instance.
const defaultSpare = 32

// New returns a space that uses the method of cfg, which is an error if it does
// not work here, or the best that does.
func New(cfg Config) (*Space, error) {
	s := &Space{most: cfg.Spare, pageSize: os.Getpagesize()}
	s.budget.limit, s.budget.reclaim = cfg.Budget, cfg.Reclaim
	if s.most == 0 {
		s.most = defaultSpare
	}
	candidates := []Method{cfg.Method}
	if cfg.Method == Auto {
		candidates = []Method{Scan, Pagemap, Discard, Copy}
	}
	for _, m := range candidates {
		err := s.use(m)
		if err == nil {
			return s, nil
		}
		s.rejected = append(s.rejected, fmt.Errorf("memory method %s: %w", m, err))
	}
	return nil, errors.Join(s.rejected...)
}

// use takes a method if it is proven to work.
func (s *Space) use(m Method) (err error) {
	switch m {
	case Copy, Fresh:
		s.source = heapSource{page: s.pageSize}
	default:
		if s.source, err = newMapped(m, s.pageSize); err != nil {
			return err
		}
	}
	s.method = m
	return nil
}

// Method returns the method in use.
func (s *Space) Method() Method { return s.method }

// Room reports whether there are n bytes of the budget left, for Reclaim.
func (s *Space) Room(n uint64) bool { return s.budget.room(n) }

// Rejected says why better methods are not in use.
func (s *Space) Rejected() []error { return s.rejected }

var errClosed = errors.New("the memories are closed")

// Close frees what no instance uses. Sets and images must have been closed
// before; that some are not is an error.
func (s *Space) Close() error {
	s.mu.Lock()
	spare := s.spare
	already, images, inUse := s.closed, s.images, s.inUse
	s.spare, s.closed = nil, true
	s.mu.Unlock()
	if already {
		return nil
	}
	var errs []error
	for _, slot := range spare {
		errs = append(errs, s.drop(slot))
	}
	if images > 0 || inUse > 0 {
		errs = append(errs, fmt.Errorf("memories are closed while %d images and %d instances use them", images, inUse))
	}
	return errors.Join(append(errs, s.source.close())...)
}

// take returns a slot for an image, a spare one if there is one.
func (s *Space) take(m *Image, room uint64) (slot, error) {
	if slot := s.takeSpare(m, room); slot != nil {
		if slot.image() == m {
			return slot, nil
		}
		err := slot.unbind()
		if err == nil {
			err = slot.bind(m, m.min)
		}
		if err == nil {
			return slot, nil
		}
		return nil, errors.Join(err, s.drop(slot))
	}
	slot, err := s.source.newSlot(room)
	for err != nil && room/2 >= max(m.min, wasmPage) { // addresses may be short: the memory can then grow less
		room /= 2
		slot, err = s.source.newSlot(room)
	}
	if err != nil {
		return nil, err
	}
	s.count.reserved.Add(slot.room())
	if err := slot.bind(m, m.min); err != nil {
		return nil, errors.Join(err, s.drop(slot))
	}
	return slot, nil
}

// takeSpare prefers a slot that has the image, then the one not used for longest.
func (s *Space) takeSpare(m *Image, room uint64) slot {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := -1
	for i := len(s.spare) - 1; i >= 0; i-- {
		if s.spare[i].room() < room {
			continue
		}
		found = i
		if s.spare[i].image() == m {
			break
		}
	}
	if found < 0 {
		return nil
	}
	slot := s.spare[found]
	s.spare = slices.Delete(s.spare, found, found+1)
	return slot
}

// put takes a slot back from an instance.
func (s *Space) put(slot slot) error {
	keep, err := slot.recycle()
	if err != nil {
		return errors.Join(err, s.drop(slot))
	}
	s.mu.Lock()
	if keep = keep && !s.closed; keep {
		s.spare = append(s.spare, slot)
		slot = nil
		if len(s.spare) > max(s.most, 0) {
			slot = s.spare[0]
			s.spare = slices.Delete(s.spare, 0, 1)
		}
	}
	s.mu.Unlock()
	if slot != nil {
		return s.drop(slot)
	}
	return nil
}

func (s *Space) drop(slot slot) error {
	s.count.reserved.Add(-slot.room())
	return slot.close()
}

// Stats says what a space has and what it has done.
type Stats struct {
	Method          Method
	Images          int
	InUse           int           // sets
	Spare           int           // mappings kept for later
	Reserved        uint64        // bytes of address space
	Used            uint64        // bytes accounted: memories and images
	Peak            uint64        // of Used
	Budget          uint64        // 0: no bound
	Resets          uint64        // of sets
	Pages           uint64        // that were dirty
	Bytes           uint64        // written over them
	Discards        uint64        // memories whose pages were dropped instead
	Took            time.Duration // all resets
	RefusedInstance uint64        // grows, by the limit of an instance
	RefusedServer   uint64        // grows and instances, by the budget
}

// Stats returns the statistics of now.
func (s *Space) Stats() Stats {
	s.mu.Lock()
	st := Stats{Images: s.images, InUse: s.inUse, Spare: len(s.spare)}
	s.mu.Unlock()
	st.Method, st.Budget = s.method, s.budget.limit
	st.Used, st.Peak = s.budget.used.Load(), s.budget.peak.Load()
	st.Reserved = s.count.reserved.Load()
	st.Resets, st.Pages = s.count.resets.Load(), s.count.pages.Load()
	st.Bytes, st.Discards = s.count.bytes.Load(), s.count.discards.Load()
	st.Took = time.Duration(s.count.took.Load())
	st.RefusedInstance, st.RefusedServer = s.count.refusedInstance.Load(), s.count.refusedServer.Load()
	return st
}

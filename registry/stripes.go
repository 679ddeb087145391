package registry

import (
	"hash/maphash"
	"sync"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// stripes are locks on digests. A digest gets its content and its link under
// one, and loses both under the same one, so garbage collection never removes
// what is just being pushed again. Two digests may share a lock; nobody holds
// two.
type stripes struct {
	seed maphash.Seed
	mu   [64]sync.Mutex
}

func newStripes() *stripes { return &stripes{seed: maphash.MakeSeed()} }

// lock returns the function that unlocks.
func (s *stripes) lock(d artifact.Digest) func() {
	mu := &s.mu[maphash.String(s.seed, string(d))%uint64(len(s.mu))]
	mu.Lock()
	return mu.Unlock
}

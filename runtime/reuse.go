package runtime

import (
	"errors"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/memory"
	"github.com/neutrino-local/neutrino-local/store"
)

// Reuse says what becomes of an instance after its request.
type Reuse string

// What may become of instances. Whatever it is, no request sees anything of
// another.
const (
	Auto   Reuse = "auto"   // reset, in the best way that works here; the zero Reuse is the same
	Pooled Reuse = "pooled" // reset by its dirty pages, and it is an error if that does not work here
	Fresh  Reuse = "fresh"  // thrown away
)

func (r Reuse) method(forced memory.Method) (memory.Method, error) {
	switch {
	case forced != memory.Auto:
		return forced, nil
	case r == Fresh:
		return memory.Fresh, nil
	case r == "" || r == Auto || r == Pooled:
		return memory.Auto, nil
	}
	return 0, fmt.Errorf("instances %q: want auto, pooled or fresh", string(r))
}

// check refuses a space that is not as good as asked for.
func (r Reuse) check(s *memory.Space) error {
	if r != Pooled || s.Method() < memory.Copy {
		return nil
	}
	err := fmt.Errorf("instances cannot be pooled here: %w", errors.Join(s.Rejected()...))
	return store.Hint(err, "start with --instances auto")
}

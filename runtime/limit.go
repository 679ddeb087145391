package runtime

import (
	"fmt"
	"net/http"

	"github.com/neutrino-local/neutrino-local/router/ledger"
	"github.com/neutrino-local/neutrino-local/store"
)

// A LimitError names a limit, its value and what was seen.
type LimitError struct {
	Limit string // whose limit, as "request body"
	Value string
	Seen  string

	status  int // of the reply, if no head was sent
	outcome ledger.Outcome
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("%s: limit %s, seen %s", e.Limit, e.Value, e.Seen)
}

// Unwrap makes a LimitError a store.ErrLimit.
func (e *LimitError) Unwrap() error { return store.ErrLimit }

func requestLimit(limit int64, seen string) *LimitError {
	return &LimitError{"request body", size(limit), seen, http.StatusRequestEntityTooLarge, ledger.Limit}
}

func responseLimit(limit int64, seen string) *LimitError {
	return &LimitError{"response body", size(limit), seen, http.StatusBadGateway, ledger.Limit}
}

// size prints bytes, in MiB too if that is a whole number.
func size[N int64 | uint64](n N) string {
	if n >= 1<<20 && n%(1<<20) == 0 {
		return fmt.Sprintf("%d bytes (%d MiB)", n, n>>20)
	}
	return fmt.Sprintf("%d bytes", n)
}

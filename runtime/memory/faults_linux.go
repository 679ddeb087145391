//go:build amd64 || arm64

package memory

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// faults returns how many page faults the process has had. A page of a private
// mapping can become another than the image's only by a fault, so that whoever
// knew the dirty pages at one count knows them as long as it stays: most requests
// write where others have written before, and their pages need not be looked for.
func faults() (int64, error) {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0, fmt.Errorf("page faults of the process: %w", err)
	}
	return u.Minflt + u.Majflt, nil
}

// A known list is what a scan has found, and the count of faults before it.
type known struct {
	regions []region
	pages   int
	faults  int64
	valid   bool
}

// proveFaults checks that each page that is written for the first time is a
// fault that counts. There are systems that do not count.
func (m *mappedSlot) proveFaults() error {
	if err := m.discard(new(Result)); err != nil {
		return err
	}
	page := m.source.page
	for i := range proofPages {
		before, err := faults()
		if err != nil {
			return err
		}
		m.base[i*page] ^= 0xff
		after, err := faults()
		if err != nil {
			return err
		}
		if after == before {
			return errors.New("page faults are not counted")
		}
	}
	return m.discard(new(Result))
}

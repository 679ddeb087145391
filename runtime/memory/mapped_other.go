//go:build !linux || !(amd64 || arm64)

package memory

import "errors"

// newMapped has nothing for this system.
func newMapped(Method, int) (source, error) {
	return nil, errors.New("not on this system")
}

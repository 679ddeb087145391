package wasi

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/neutrino-local/neutrino-local/runtime/component"
	"github.com/neutrino-local/neutrino-local/runtime/component/abi"
)

// maxRandom is how many random bytes one call may ask for.
const maxRandom = 64 << 20

// linkRandom offers random numbers. The insecure ones are as good as the others.
func (h *Host) linkRandom(l *component.Linker) {
	bytes := func(_ *component.Call, args []abi.Value) (abi.Value, error) {
		n := args[0].U64()
		if n > maxRandom {
			return abi.Value{}, fmt.Errorf("%d random bytes, at most %d in one call", n, maxRandom)
		}
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails
		return abi.Bytes(b), nil
	}
	number := func(*component.Call, []abi.Value) (abi.Value, error) { return abi.U64(randomNumber()), nil }
	versions := []string{track02, trackNov, trackOct}
	s := in(l, "wasi:random/random", versions...)
	s.fn("get-random-bytes", bytes)
	s.fn("get-random-u64", number)
	s = in(l, "wasi:random/insecure", versions...)
	s.fn("get-insecure-random-bytes", bytes)
	s.fn("get-insecure-random-u64", number)
	in(l, "wasi:random/insecure-seed", versions...).fn("insecure-seed", func(*component.Call, []abi.Value) (abi.Value, error) {
		return abi.Tuple(abi.U64(randomNumber()), abi.U64(randomNumber())), nil
	})
}

func randomNumber() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}

package artifact

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// bound checks that decoding b cannot cost much more than b is long: its size,
// how deep it nests, and how many objects it has. Whether b is JSON at all is
// left to the decoder.
func bound(what string, b []byte, size int) error {
	if len(b) > size {
		return fmt.Errorf("%s: %d bytes, the limit is %d", what, len(b), size)
	}
	depth, objects := 0, 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = stringEnd(b, i)
		case '{', '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("%s: nested deeper than %d at byte %d", what, maxDepth, i)
			}
			if objects++; objects > maxObjects {
				return fmt.Errorf("%s: more than %d objects and lists", what, maxObjects)
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// stringEnd returns the index of the quote that ends the string at b[i], or the
// last index if none does.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); i++ {
		switch b[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(b) - 1
}

// unmarshalNumbers is json.Unmarshal that keeps numbers as they are written.
func unmarshalNumbers(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(v)
}

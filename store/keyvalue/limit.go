package keyvalue

import (
	"fmt"
	"unicode/utf8"

	"github.com/neutrino-local/neutrino-local/store"
)

// limitError says what was seen and which limit it breaks.
func limitError(seen, limit string) error {
	return fmt.Errorf("%s: %w of %s", seen, store.ErrLimit, limit)
}

// bytesText prints a limit in decimal units, as the vendor does: 1 MB is a
// million bytes.
func bytesText(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "KB"}} {
		if n >= u.size && n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// checkKey returns why no pair can have the key.
func (l Limits) checkKey(key string) error {
	limit := MaxKey
	if l.Key > 0 && l.Key < limit {
		limit = l.Key
	}
	if len(key) > limit {
		return limitError(fmt.Sprintf("a key of %d bytes", len(key)), bytesText(int64(limit))+" for a key")
	}
	if !utf8.ValidString(key) {
		return fmt.Errorf("key %.100q is %w: it is not UTF-8", key, store.ErrInvalid)
	}
	return nil
}

// checkPair returns why there can be no such pair.
func (l Limits) checkPair(key string, value []byte) error {
	if err := l.checkKey(key); err != nil {
		return err
	}
	limit := MaxValue
	if l.Value > 0 && l.Value < limit {
		limit = l.Value
	}
	if len(value) > limit {
		return limitError(fmt.Sprintf("a value of %d bytes", len(value)), bytesText(int64(limit))+" for a value")
	}
	return nil
}

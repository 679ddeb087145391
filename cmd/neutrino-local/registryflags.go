package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/neutrino-local/neutrino-local/registry"
)

// registryFlags are what `up` is told of the registry. Zero leaves it to the
// registry.
type registryFlags struct {
	auth       string
	maxBlob    size
	maxSize    size
	maxUploads int
	uploadTTL  time.Duration
	grace      time.Duration
}

func (r *registryFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.auth, "registry-auth", "bearer", "how the registry asks for the token, where there is one: bearer or basic")
	f.Var(&r.maxBlob, "registry-max-blob", "most bytes of one blob, such as 64MiB (default: no limit)")
	f.Var(&r.maxSize, "registry-max-size", "most bytes of all blobs and uploads (default: no limit)")
	f.IntVar(&r.maxUploads, "registry-max-uploads", 0, "most uploads under way at once (default 512)")
	f.DurationVar(&r.uploadTTL, "registry-upload-timeout", time.Hour, "how long an upload that nobody works on is kept")
	f.DurationVar(&r.grace, "registry-grace", time.Hour, "how long a blob that nothing refers to is kept")
}

func (r *registryFlags) check() error {
	switch {
	case r.auth != "bearer" && r.auth != "basic":
		return usagef("--registry-auth %s: use bearer or basic", r.auth)
	case r.maxUploads < 0:
		return usagef("--registry-max-uploads %d: want at least 0", r.maxUploads)
	case r.uploadTTL < time.Millisecond:
		return usagef("--registry-upload-timeout %s: want at least 1ms", r.uploadTTL)
	case r.grace < time.Millisecond:
		return usagef("--registry-grace %s: want at least 1ms", r.grace)
	}
	return nil
}

func (cfg config) registryLimits() registry.Limits {
	r := cfg.registry
	return registry.Limits{
		App: cfg.profile.app, Blob: int64(r.maxBlob), Store: int64(r.maxSize), Uploads: r.maxUploads,
	}
}

// A size is a flag of bytes, with a unit or without.
type size int64

var units = []struct {
	name  string
	bytes int64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40}, {"B", 1}, {"", 1}}

func (s *size) Set(text string) error {
	for _, u := range units {
		digits, ok := strings.CutSuffix(text, u.name)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > (1<<62)/u.bytes {
			break
		}
		*s = size(n * u.bytes)
		return nil
	}
	return fmt.Errorf("%q is not a number of bytes: write one such as 1048576, 64MiB or 2GiB", text)
}

func (s *size) Type() string { return "size" }

func (s *size) String() string {
	if *s == 0 {
		return ""
	}
	return sizeText(int64(*s))
}

// sizeText is a number of bytes as people read it.
func sizeText(n int64) string {
	for i := 3; i >= 0; i-- {
		if u := units[i]; n >= u.bytes {
			return strconv.FormatFloat(float64(n)/float64(u.bytes), 'f', 1, 64) + " " + u.name
		}
	}
	return fmt.Sprintf("%d B", n)
}

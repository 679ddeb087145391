package pack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
	"github.com/neutrino-local/neutrino-local/store"
)

// checkStat refuses an app that must be over the limit by the sizes of its files
// alone, so that nothing large is read just to be refused. Files of one size may
// turn out to be one layer, so that they count once; small files are no layers,
// and where there may be an archive, only the binaries count.
func (p *packer) checkStat() error {
	var counted []*content
	layers := 0
	for _, c := range p.contents {
		if c.media == artifact.WasmType || c.size > artifact.InlineSize {
			layers++
		}
	}
	sizes := make(map[string]bool)
	var sum int64
	for _, c := range p.contents {
		file := c.media == artifact.FileType
		key := fmt.Sprint(c.media, c.size)
		if sizes[key] || file && (c.size <= artifact.InlineSize || layers >= artifact.MaxLayers || p.options.Archive) {
			continue
		}
		sizes[key] = true
		sum += c.size
		counted = append(counted, c)
	}
	return p.overLimit(sum, counted)
}

// checkLayers checks the sum of the distinct layers, as the registry does.
func (p *packer) checkLayers(m artifact.Manifest) error {
	var counted []*content
	for _, c := range p.contents {
		if _, ok := m.Layer(c.digest); ok {
			counted = append(counted, c)
		}
	}
	return p.overLimit(m.Size(), counted)
}

func (p *packer) overLimit(sum int64, counted []*content) error {
	limit := p.options.MaxAppBytes
	if limit <= 0 || sum <= limit {
		return nil
	}
	slices.SortFunc(counted, func(a, b *content) int {
		return cmp.Or(cmp.Compare(b.size, a.size), strings.Compare(a.name, b.name))
	})
	var largest []string
	for _, c := range counted[:min(3, len(counted))] {
		name := c.name
		if c.owner != "" {
			name = fmt.Sprintf("%s (component %s)", name, c.owner)
		}
		largest = append(largest, fmt.Sprintf("%s %s", name, bytesText(c.size)))
	}
	err := fmt.Errorf("the app has %s (%d bytes), which is %w of %s (%d bytes) for an app; largest: %s",
		bytesText(sum), sum, store.ErrLimit, bytesText(limit), limit, strings.Join(largest, ", "))
	return store.Hint(err, "make the binaries smaller (optimize for size, strip debug information) or leave out files")
}

func bytesText(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

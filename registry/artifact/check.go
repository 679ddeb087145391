package artifact

import "fmt"

// Check checks that the artifact m holds all that its lock l refers to. A file
// may be in an archive, which only reading the archive can show.
func Check(m Manifest, l Lock) error {
	has := make(map[Digest]int64, len(m.Layers))
	archives := false
	for _, d := range m.Layers {
		has[d.Digest] = d.Size
		archives = archives || d.MediaType == ArchiveType
	}
	missing := func(d Digest) bool { _, ok := has[d]; return !ok }
	for _, c := range l.Components {
		if missing(c.Source.Digest) {
			return fmt.Errorf("component %q: no layer has its source %s", c.ID, c.Source.Digest)
		}
		for name, d := range c.Dependencies {
			if missing(d.Source.Digest) {
				return fmt.Errorf("component %q: no layer has its dependency %.100q, %s", c.ID, name, d.Source.Digest)
			}
		}
		for role, deps := range c.TriggerDependencies {
			for _, d := range deps {
				if missing(d.Source.Digest) {
					return fmt.Errorf("component %q: no layer has its %.100s %s", c.ID, role, d.Source.Digest)
				}
			}
		}
		for _, f := range c.Files {
			size, layer := has[f.Digest]
			switch {
			case f.Inline == nil && !layer && !archives:
				return fmt.Errorf("component %q: file %q: no layer has %s", c.ID, f.Path, f.Digest)
			case f.Inline != nil && layer && size != int64(len(*f.Inline)):
				return fmt.Errorf("component %q: file %q: its layer has %d bytes, its content %d", c.ID, f.Path, size, len(*f.Inline))
			}
		}
	}
	return nil
}

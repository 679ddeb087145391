package artifact

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const maxID = 256 // bytes of a component's id

// ParseLock returns the lock in b, with optional host requirements dropped as
// Spin drops them.
//
// Component ids are unique and hold no separator, file paths are relative and
// stay inside, digests are valid and agree with inline content, and each http
// trigger names a component that exists or has a static response. Locations,
// which mean something only before packaging, are emptied. Whether the blobs
// exist is for Check.
func ParseLock(b []byte) (Lock, error) {
	if err := bound("lock", b, MaxLockSize); err != nil {
		return Lock{}, err
	}
	var required struct {
		Version              *int `json:"spin_lock_version"`
		Triggers, Components *[]struct{}
	}
	var l Lock
	if err := json.Unmarshal(b, &l); err != nil {
		return Lock{}, fmt.Errorf("lock: %w", err)
	}
	if err := json.Unmarshal(b, &required); err != nil {
		return Lock{}, fmt.Errorf("lock: %w", err)
	}
	if required.Version == nil || required.Triggers == nil || required.Components == nil {
		return Lock{}, errors.New("lock: spin_lock_version, triggers or components is missing: this is no lock of a Spin app")
	}
	if err := l.validate(); err != nil {
		return Lock{}, fmt.Errorf("lock: %w", err)
	}
	return l, nil
}

func (l *Lock) validate() error {
	if l.Version < 0 || l.Version > 1 {
		return fmt.Errorf("invalid version %d > 1", l.Version)
	}
	for _, m := range l.MustUnderstand {
		if m != HostRequirements && m != ComponentHostRequirements {
			return fmt.Errorf("must_understand: unknown %.100q", m)
		}
	}
	if err := checkRequirements(l.HostRequirements); err != nil {
		return err
	}
	for name := range l.Variables {
		if err := CheckVariableName(name); err != nil {
			return err
		}
	}
	ids := make(map[string]bool, len(l.Components))
	for i := range l.Components {
		c := &l.Components[i]
		if err := checkID(c.ID); err != nil {
			return fmt.Errorf("component %d: %w", i, err)
		}
		if ids[c.ID] {
			return fmt.Errorf("component %q is there twice", c.ID)
		}
		ids[c.ID] = true
		if err := c.validate(); err != nil {
			return fmt.Errorf("component %q: %w", c.ID, err)
		}
	}
	return l.validateTriggers(ids)
}

func (l *Lock) validateTriggers(components map[string]bool) error {
	for i, t := range l.Triggers {
		if t.Type == "" {
			return fmt.Errorf("trigger %d has no trigger_type", i)
		}
		if len(t.Config) == 0 {
			return fmt.Errorf("trigger %.100q has no trigger_config", t.ID)
		}
		if t.Type != "http" {
			continue
		}
		h, err := t.HTTP()
		if err != nil {
			return err
		}
		if h.Static == nil && !components[h.Component] {
			return fmt.Errorf("trigger %.100q: there is no component %.100q", t.ID, h.Component)
		}
	}
	return nil
}

func (c *Component) validate() error {
	if err := checkRequirements(c.HostRequirements); err != nil {
		return err
	}
	if err := c.Source.validate(); err != nil {
		return fmt.Errorf("source: %w", err)
	}
	for name := range c.Variables {
		if err := CheckVariableName(name); err != nil {
			return err
		}
	}
	for name, d := range c.Dependencies {
		if err := d.Source.validate(); err != nil {
			return fmt.Errorf("dependency %.100q: %w", name, err)
		}
		c.Dependencies[name] = d
	}
	for role, deps := range c.TriggerDependencies {
		for i := range deps {
			if err := deps[i].Source.validate(); err != nil {
				return fmt.Errorf("%.100s %d: %w", role, i, err)
			}
		}
	}
	return checkFiles(c.Files)
}

func (s *Source) validate() error {
	s.Location = ""
	if s.Digest == "" {
		return errors.New("no digest")
	}
	return checkContent(s.Digest, s.Inline)
}

func checkContent(d Digest, inline *Inline) error {
	if _, err := ParseDigest(string(d)); err != nil {
		return err
	}
	if inline != nil && !d.Matches(*inline) {
		return fmt.Errorf("inline content does not have its digest %s", d)
	}
	return nil
}

// checkFiles fills in the digests that inline content can do without.
func checkFiles(files []File) error {
	paths := make([]string, 0, len(files))
	for i := range files {
		f := &files[i]
		f.Location = ""
		if !ValidFilePath(f.Path) {
			return fmt.Errorf("invalid file mount %.200q", f.Path)
		}
		if f.Digest == "" && f.Inline != nil {
			f.Digest = SHA256(*f.Inline)
		}
		if err := checkContent(f.Digest, f.Inline); err != nil {
			return fmt.Errorf("file %.200q: %w", f.Path, err)
		}
		paths = append(paths, f.Path)
	}
	return CheckTree(paths)
}

// ValidFilePath reports whether p is a path that a component's file may have:
// relative, slash-separated, of normal segments only, on any system.
func ValidFilePath(p string) bool {
	return fs.ValidPath(p) && p != "." && !strings.ContainsAny(p, "\\\x00") && len(p) <= 4096
}

// CheckTree checks that paths can be files of one tree: none is there twice or
// is both a file and a directory.
func CheckTree(paths []string) error {
	files := make(map[string]bool, len(paths))
	for _, p := range paths {
		if files[p] {
			return fmt.Errorf("invalid file mount %.200q: it is there twice", p)
		}
		files[p] = true
	}
	for _, p := range paths {
		for i, c := range p {
			if c == '/' && files[p[:i]] {
				return fmt.Errorf("invalid file mount %.200q: %.200q is a file", p, p[:i])
			}
		}
	}
	return nil
}

// checkRequirements drops optional requirements from r and refuses those that
// no version of Spin has told us of.
func checkRequirements(r map[string]string) error {
	var unknown []string
	for name, level := range r {
		if level == "optional" {
			delete(r, name)
		} else if name != ServiceChaining && name != Middleware {
			unknown = append(unknown, name)
		}
	}
	if unknown == nil {
		return nil
	}
	slices.Sort(unknown)
	//lint:ignore ST1005 as Spin words it
	return fmt.Errorf("This version of Spin does not support the following features required by this application: %.500s",
		strings.Join(unknown, ", "))
}

func checkID(id string) error {
	if id == "" || id == "." || id == ".." || len(id) > maxID || !utf8.ValidString(id) ||
		strings.ContainsFunc(id, func(r rune) bool { return r == '/' || r == '\\' || !unicode.IsPrint(r) }) {
		return fmt.Errorf("invalid id %.100q", id)
	}
	return nil
}

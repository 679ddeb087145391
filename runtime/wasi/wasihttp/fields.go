package wasihttp

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// MaxFields bounds the bytes of names and values in one Fields.
const MaxFields = 128 << 10

// What can be wrong with a change of fields. ErrFieldsSize has no place among
// the guest's header errors: it traps.
var (
	ErrFieldSyntax    = errors.New("field is not well formed")
	ErrFieldForbidden = errors.New("field is forbidden")
	ErrImmutable      = errors.New("fields are immutable")
	ErrFieldsSize     = fmt.Errorf("fields have more than %d bytes", MaxFields)
)

// forbidden are the fields that belong to the connection: guests neither see
// nor set them.
var forbidden = map[string]bool{
	"connection": true, "keep-alive": true, "proxy-authenticate": true, "proxy-authorization": true,
	"proxy-connection": true, "transfer-encoding": true, "upgrade": true, "host": true, "http2-settings": true,
}

// Forbidden reports whether guests may not have the field of that name, which
// is in lower case.
func Forbidden(name string) bool { return forbidden[name] }

// A Field is one name, in lower case, and one of its values.
type Field struct {
	Name  string
	Value []byte // not changed once it is here
}

// Fields are the headers or trailers of a message, in the order they were
// given. Names are kept in lower case, so they compare without it.
type Fields struct {
	list   []Field
	size   int
	frozen bool
}

// NewFields returns fields with the given entries.
func NewFields(entries ...Field) (*Fields, error) {
	f := new(Fields)
	for _, e := range entries {
		if err := f.Append(e.Name, e.Value); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// FieldsOf returns the fields of h that guests may see, by name, immutable. A
// value that is not well formed is an error.
func FieldsOf(h http.Header) (*Fields, error) {
	f := &Fields{frozen: true}
	for _, key := range slices.Sorted(maps.Keys(h)) {
		name := strings.ToLower(key)
		if Forbidden(name) {
			continue
		}
		for _, v := range h[key] {
			if err := f.add(name, []byte(v)); err != nil {
				return nil, fmt.Errorf("field %s: %w", name, err)
			}
		}
	}
	return f, nil
}

// checkName returns the form of name in which it is kept.
func checkName(name string) (string, error) {
	if !validToken(name) {
		return "", ErrFieldSyntax
	}
	name = strings.ToLower(name)
	if Forbidden(name) {
		return "", ErrFieldForbidden
	}
	return name, nil
}

func validToken(s string) bool {
	for i := range len(s) {
		if !tokenByte(s[i]) {
			return false
		}
	}
	return s != ""
}

func tokenByte(c byte) bool {
	switch {
	case c >= '0' && c <= '9', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}

// validValue allows what a field value may have: no control but the tab.
func validValue(v []byte) bool {
	for _, c := range v {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

func (f *Fields) add(name string, value []byte) error {
	if f.size += len(name) + len(value); f.size > MaxFields {
		return ErrFieldsSize
	}
	f.list = append(f.list, Field{name, value})
	return nil
}

// Get returns the values of name.
func (f *Fields) Get(name string) (values [][]byte) {
	for _, e := range f.list {
		if strings.EqualFold(e.Name, name) {
			values = append(values, e.Value)
		}
	}
	return values
}

// Has reports whether there is a field of that name.
func (f *Fields) Has(name string) bool {
	return slices.ContainsFunc(f.list, func(e Field) bool { return strings.EqualFold(e.Name, name) })
}

// Set replaces the values of name.
func (f *Fields) Set(name string, values [][]byte) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	for _, v := range values {
		if !validValue(v) {
			return ErrFieldSyntax
		}
	}
	if f.frozen {
		return ErrImmutable
	}
	f.remove(name)
	for _, v := range values {
		if err := f.add(name, bytes.Clone(v)); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fields) remove(name string) {
	f.list = slices.DeleteFunc(f.list, func(e Field) bool {
		if e.Name != name {
			return false
		}
		f.size -= len(e.Name) + len(e.Value)
		return true
	})
}

// Delete removes the values of name.
func (f *Fields) Delete(name string) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	if f.frozen {
		return ErrImmutable
	}
	f.remove(name)
	return nil
}

// Append adds a value of name.
func (f *Fields) Append(name string, value []byte) error {
	name, err := checkName(name)
	if err != nil {
		return err
	}
	if !validValue(value) {
		return ErrFieldSyntax
	}
	if f.frozen {
		return ErrImmutable
	}
	return f.add(name, bytes.Clone(value))
}

// Entries returns all fields. The caller changes neither it nor the values.
func (f *Fields) Entries() []Field { return f.list }

// Clone returns a copy that can be changed.
func (f *Fields) Clone() *Fields { return &Fields{list: slices.Clone(f.list), size: f.size} }

// Freeze makes f immutable.
func (f *Fields) Freeze() { f.frozen = true }

// AddTo adds the fields to h. Equal declarations of a length become one.
func (f *Fields) AddTo(h http.Header) {
	for _, e := range f.list {
		if e.Name == "content-length" && h.Get(e.Name) != "" {
			continue
		}
		h.Add(e.Name, string(e.Value))
	}
}

// contentLength returns the declared length of the body; none if it is not
// declared. Lengths that differ or are no numbers are an error.
func (f *Fields) contentLength() (n uint64, declared bool, err error) {
	for _, v := range f.Get("content-length") {
		m, ok := parseLength(v)
		if !ok || declared && m != n {
			return 0, false, fmt.Errorf("content-length %q: %w", v, ErrFieldSyntax)
		}
		n, declared = m, true
	}
	return n, declared, nil
}

func parseLength(v []byte) (n uint64, ok bool) {
	if len(v) == 0 || len(v) > 18 { // 18 digits fit an int64
		return 0, false
	}
	for _, c := range v {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

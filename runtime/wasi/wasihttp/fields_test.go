package wasihttp

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func text(f *Fields) (s []string) {
	for _, e := range f.Entries() {
		s = append(s, e.Name+": "+string(e.Value))
	}
	return s
}

func TestFieldsCompareWithoutCase(t *testing.T) {
	f, err := NewFields(Field{"X-One", []byte("1")}, Field{"x-two", []byte("2")}, Field{"x-ONE", []byte("3")})
	if err != nil {
		t.Fatal(err)
	}
	if got := f.Get("X-oNe"); len(got) != 2 || string(got[0]) != "1" || string(got[1]) != "3" {
		t.Errorf("Get = %q, want 1 and 3", got)
	}
	if !f.Has("X-TWO") || f.Has("x-three") || f.Has("bad name") {
		t.Error("Has is wrong")
	}
	if err := f.Set("X-ONE", [][]byte{[]byte("4")}); err != nil {
		t.Fatal(err)
	}
	if err := f.Delete("x-Two"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"x-one: 4"}, text(f)); diff != "" {
		t.Error(diff)
	}
}

func TestFieldsRefuse(t *testing.T) {
	tests := []struct {
		name, value string
		want        error
	}{
		{"x", "fine, even\twith tab and \xff", nil},
		{"x", "", nil},
		{"", "v", ErrFieldSyntax},
		{"a b", "v", ErrFieldSyntax},
		{"a:b", "v", ErrFieldSyntax},
		{"a\r\nb", "v", ErrFieldSyntax},
		{"ä", "v", ErrFieldSyntax},
		{"x", "a\r\nb: c", ErrFieldSyntax},
		{"x", "a\nb", ErrFieldSyntax},
		{"x", "a\x00b", ErrFieldSyntax},
		{"x", "a\x7fb", ErrFieldSyntax},
		{"Host", "v", ErrFieldForbidden},
		{"Connection", "close", ErrFieldForbidden},
		{"keep-alive", "v", ErrFieldForbidden},
		{"Transfer-Encoding", "chunked", ErrFieldForbidden},
		{"upgrade", "v", ErrFieldForbidden},
		{"HTTP2-Settings", "v", ErrFieldForbidden},
		{"proxy-authenticate", "v", ErrFieldForbidden},
		{"proxy-authorization", "v", ErrFieldForbidden},
		{"proxy-connection", "v", ErrFieldForbidden},
		{"x", strings.Repeat("v", MaxFields), ErrFieldsSize},
	}
	for _, tt := range tests {
		f := new(Fields)
		if err := f.Append(tt.name, []byte(tt.value)); !errors.Is(err, tt.want) {
			t.Errorf("Append(%q, %.20q) = %v, want %v", tt.name, tt.value, err, tt.want)
		}
		if err := f.Set(tt.name, [][]byte{[]byte(tt.value)}); !errors.Is(err, tt.want) {
			t.Errorf("Set(%q, %.20q) = %v, want %v", tt.name, tt.value, err, tt.want)
		}
	}
	f := new(Fields)
	f.Freeze()
	for what, err := range map[string]error{"Append": f.Append("x", nil), "Set": f.Set("x", nil), "Delete": f.Delete("x")} {
		if !errors.Is(err, ErrImmutable) {
			t.Errorf("%s of frozen fields = %v, want ErrImmutable", what, err)
		}
	}
	if err := f.Clone().Append("x", nil); err != nil {
		t.Errorf("Append to a clone = %v", err)
	}
}

func TestFieldsAreBounded(t *testing.T) {
	f := new(Fields)
	var err error
	n := 0
	for ; err == nil; n++ {
		err = f.Append("x", []byte("1234567"))
	}
	if !errors.Is(err, ErrFieldsSize) || n != MaxFields/8+1 {
		t.Errorf("append %d ended with %v", n, err)
	}
}

func TestFieldsOfHidesTheConnection(t *testing.T) {
	f, err := FieldsOf(http.Header{"Connection": {"close"}, "Host": {"h"}, "X-B": {"2", "1"}, "Content-Type": {"t"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"content-type: t", "x-b: 2", "x-b: 1"}, text(f)); diff != "" {
		t.Error(diff)
	}
	if err := f.Append("x", nil); !errors.Is(err, ErrImmutable) {
		t.Errorf("Append = %v, want ErrImmutable", err)
	}
}

func TestContentLength(t *testing.T) {
	tests := []struct {
		values   string
		want     uint64
		declared bool
		ok       bool
	}{
		{"", 0, false, true}, {"12", 12, true, true}, {"12,12", 12, true, true}, {"12,13", 0, false, false},
		{"-1", 0, false, false}, {"1e3", 0, false, false}, {" 1", 0, false, false}, {"99999999999999999999", 0, false, false},
	}
	for _, tt := range tests {
		f := new(Fields)
		if tt.values != "" {
			for _, v := range strings.Split(tt.values, ",") {
				if err := f.Append("Content-Length", []byte(v)); err != nil {
					t.Fatal(err)
				}
			}
		}
		n, declared, err := f.contentLength()
		if n != tt.want || declared != tt.declared || (err == nil) != tt.ok {
			t.Errorf("contentLength of %q = %d, %v, %v", tt.values, n, declared, err)
		}
	}
}

func TestRequestParts(t *testing.T) {
	p := func(s string) *string { return &s }
	r := NewRequest(new(Fields))
	checks := []struct {
		what      string
		got, want bool
	}{
		{"method", r.SetMethod("PURGE"), true}, {"method with a blank", r.SetMethod("A B"), false}, {"no method", r.SetMethod(""), false},
		{"path", r.SetPath(p("/a?b=%20|c")), true}, {"path with a line end", r.SetPath(p("/a\r\nX: y")), false},
		{"path with a blank", r.SetPath(p("/ a")), false}, {"relative path", r.SetPath(p("a")), false}, {"no path", r.SetPath(nil), true},
		{"scheme", r.SetScheme(p("http")), true}, {"scheme with a slash", r.SetScheme(p("http/")), false},
		{"authority", r.SetAuthority(p("h.example:80")), true}, {"v6", r.SetAuthority(p("[::1]:80")), true},
		{"user", r.SetAuthority(p("u@h")), false}, {"authority with a path", r.SetAuthority(p("h/a")), false},
		{"bad port", r.SetAuthority(p("h:x")), false}, {"authority with a line end", r.SetAuthority(p("h\r\n")), false}, {"empty authority", r.SetAuthority(p("")), false},
	}
	for _, c := range checks {
		if c.got != c.want {
			t.Errorf("%s: set = %v, want %v", c.what, c.got, c.want)
		}
	}
}

func FuzzRequestURL(f *testing.F) {
	for _, s := range []string{"/", "/a%2fb?x=1", "//h/x", "/%zz", "?a", "*", "/a|b", "/?"} {
		f.Add("h.example", s)
	}
	f.Fuzz(func(t *testing.T, authority, path string) {
		r := NewRequest(new(Fields))
		if !r.SetAuthority(&authority) || !r.SetPath(&path) {
			return
		}
		u, e := r.url()
		if e != nil {
			return
		}
		want := path
		if strings.HasPrefix(path, "?") || path == "" {
			want = "/" + path
		}
		if got := u.RequestURI(); got != want {
			t.Errorf("request line has %q, want %q", got, want)
		}
		if u.Host != authority {
			t.Errorf("host = %q, want %q", u.Host, authority)
		}
	})
}

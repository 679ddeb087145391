package artifact

import (
	"slices"
	"strings"
	"testing"
)

func TestRange(t *testing.T) {
	tests := []struct{ text, in, out string }{
		{"1.2.3", "1.2.3 1.2.4 1.9.0", "1.2.2 2.0.0 0.9.0 1.3.0-a"},
		{"^1.2", "1.2.0 1.3.0", "1.1.9 2.0.0"},
		{"1", "1.0.0 1.9.9", "0.9.9 2.0.0"},
		{"0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"},
		{"0.0.3", "0.0.3", "0.0.4 0.0.2"},
		{"0.0", "0.0.1 0.0.9", "0.1.0"},
		{"0", "0.0.1 0.9.0", "1.0.0"},
		{"~1.2.3", "1.2.3 1.2.9", "1.3.0 1.2.2"},
		{"~1", "1.0.0 1.9.0", "2.0.0"},
		{"=1.2.3", "1.2.3", "1.2.4 1.2.2"},
		{"=1.2", "1.2.0 1.2.9", "1.3.0"},
		{"1.*", "1.0.0 1.9.0", "2.0.0 0.9.0"},
		{"1.2.*", "1.2.0 1.2.9", "1.3.0"},
		{"*", "0.0.0 9.9.9", "1.0.0-a"},
		{">=1.2, <2", "1.2.0 1.9.9", "2.0.0 1.1.9"},
		{">1.2.3", "1.2.4", "1.2.3"},
		{">1.2", "1.3.0", "1.2.9"},
		{"<=1.2", "1.2.9 0.0.1", "1.3.0"},
		{"<=1.2.3", "1.2.3", "1.2.4"},
		{"1.0.0-rc.2", "1.0.0-rc.2 1.0.0-rc.10 1.0.0 1.1.0", "1.0.0-rc.1 1.1.0-rc.3 2.0.0"},
	}
	for _, tt := range tests {
		r, err := ParseRange(tt.text)
		if err != nil {
			t.Errorf("ParseRange(%q): %v", tt.text, err)
			continue
		}
		for _, list := range []struct {
			versions string
			want     bool
		}{{tt.in, true}, {tt.out, false}} {
			for _, text := range strings.Fields(list.versions) {
				v, err := ParseVersion(text)
				if err != nil {
					t.Fatal(err)
				}
				if got := r.Has(v); got != list.want {
					t.Errorf("%q has %s = %v, want %v", tt.text, v, got, list.want)
				}
			}
		}
	}
	for _, text := range []string{"", "x y", "1.2.3.4", "=>1", "1..2", "01.2.3", "1.2-a", "1.*.3", "1.2.3-", "1.2.3+", "+1.2.3", strings.Repeat("1", 300)} {
		if _, err := ParseRange(text); err == nil {
			t.Errorf("ParseRange(%q) is no error", text)
		}
	}
}

func TestVersionOrder(t *testing.T) {
	order := strings.Fields("0.1.0 1.0.0-1 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.0.1 1.10.0")
	var versions []Version
	for _, text := range order {
		v, err := ParseVersion(text)
		if err != nil || v.String() != text {
			t.Fatalf("ParseVersion(%q) = %s, %v", text, v, err)
		}
		versions = append(versions, v)
	}
	if !slices.IsSortedFunc(versions, Version.Compare) {
		t.Errorf("%v is out of order", versions)
	}
}

func FuzzRange(f *testing.F) {
	f.Add("^1.2.3-a.b+c, <2, ~0.1, 1.*", "1.2.3")
	f.Fuzz(func(t *testing.T, r, v string) {
		version, err := ParseVersion(v)
		if err != nil {
			return
		}
		if got, err := ParseVersion(version.String()); err != nil || got != version {
			t.Errorf("%q is %s, which is %s, %v", v, version, got, err)
		}
		if parsed, err := ParseRange(r); err == nil {
			parsed.Has(version)
		}
	})
}

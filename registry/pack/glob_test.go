package pack

import "testing"

// TestGlob has what Rust's glob crate says of patterns and whole paths.
func TestGlob(t *testing.T) {
	tests := []struct {
		pattern, name string
		want          bool
	}{
		{"*.md", "a/b/c.md", true},
		{"*.md", ".hidden.md", true},
		{"a/*", "a/b/c", true},
		{"**/x", "x", true},
		{"**/x", "a/b/x", true},
		{"**/x", "ax", false},
		{"a/**", "a/b/c", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a?c", "abc", true},
		{"a?c", "a/c", true},
		{"[abc]", "b", true},
		{"[!abc]", "b", false},
		{"[a-c]x", "bx", true},
		{"[]]", "]", true},
		{"[!]]", "]", false},
		{"[^a]", "^", true},
		{"[a-]", "-", true},
		{"[c-a]", "b", false},
		{"{a,b}", "a", false},
		{"{a,b}", "{a,b}", true},
		{`a\*`, `a\x`, true},
		{"é*", "éa", true},
		{"a.c", "abc", false},
	}
	for _, tt := range tests {
		re, err := compileGlob(tt.pattern)
		if err != nil {
			t.Errorf("compileGlob(%q): %v", tt.pattern, err)
			continue
		}
		if got := re.MatchString(tt.name); got != tt.want {
			t.Errorf("compileGlob(%q) matches %q: %v, want %v", tt.pattern, tt.name, got, tt.want)
		}
	}
	for _, pattern := range []string{"***", "a**", "**a", "[", "[a", "[]", "[!]"} {
		if _, err := compileGlob(pattern); err == nil {
			t.Errorf("compileGlob(%q) is fine", pattern)
		}
	}
}

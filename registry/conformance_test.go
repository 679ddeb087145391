package registry

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestConformance runs the official suite of opencontainers/distribution-spec,
// which conformance.sh builds and names in OCI_CONFORMANCE. It exits with an
// error if any check fails.
func TestConformance(t *testing.T) {
	program := os.Getenv("OCI_CONFORMANCE")
	if program == "" {
		t.Skip("OCI_CONFORMANCE is not set; see conformance.sh")
	}
	auths := []struct {
		name   string
		change func(*Config)
	}{
		{"anonymous", func(*Config) {}},
		{"basic", func(c *Config) { c.RequireToken, c.Basic, c.Token = true, true, oneSecret }},
		{"bearer", func(c *Config) { c.RequireToken, c.Token = true, oneSecret }},
	}
	for _, version := range []string{"1.1", "dev"} {
		for _, store := range stores {
			for _, a := range auths {
				t.Run(version+"/"+store+"/"+a.name, func(t *testing.T) {
					f := newFixture(t, store, a.change)
					runConformance(t, program, f.url, version)
				})
			}
		}
	}
}

func oneSecret(secret string) (string, bool) { return "", secret == "the-secret" }

func runConformance(t *testing.T, program, url, version string) {
	results := filepath.Join(t.TempDir(), "results")
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(),
		"OCI_REGISTRY="+strings.TrimPrefix(url, "http://"), "OCI_TLS=disabled", "OCI_VERSION="+version,
		"OCI_DATA_SPARSE=true", "OCI_RESULTS_DIR="+results,
		"OCI_USERNAME=anybody", "OCI_PASSWORD=the-secret")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("conformance: %v", err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(out)) {
		i := strings.LastIndex(line, ":")
		status := strings.TrimSpace(line[i+1:])
		counts[status]++
		if i >= 0 && (status == "FAIL" || status == "Error" || status == "Skip" || status == "Disabled" && version == "dev") {
			t.Error(strings.TrimSpace(line))
		}
	}
	t.Logf("%d Pass, %d FAIL, %d Error, %d Skip, %d Disabled",
		counts["Pass"], counts["FAIL"], counts["Error"], counts["Skip"], counts["Disabled"])
	if counts["Pass"] < 500 {
		t.Errorf("too few checks: %s", out)
	}
}

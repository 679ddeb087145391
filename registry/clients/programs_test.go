package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/random"
)

// testSkopeo needs skopeo, which Debian has.
func testSkopeo(t *testing.T, r registry) {
	if _, err := exec.LookPath("skopeo"); err != nil {
		t.Skip("skopeo is not installed")
	}
	image, err := random.Image(300_000, 3)
	check(t, "random.Image", err)
	dir := t.TempDir()
	check(t, "SaveOCI", crane.SaveOCI(image, filepath.Join(dir, "source")))
	digest, err := image.Digest()
	check(t, "Digest", err)
	skopeo := func(verb string, args ...string) string {
		t.Helper()
		all := []string{"--insecure-policy", verb}
		switch {
		case verb == "copy":
			all = append(all, "--src-tls-verify=false", "--dest-tls-verify=false")
			if r.user != "" {
				all = append(all, "--src-creds", r.user+":"+r.password, "--dest-creds", r.user+":"+r.password)
			}
		case r.user != "":
			all = append(all, "--tls-verify=false", "--creds", r.user+":"+r.password)
		default:
			all = append(all, "--tls-verify=false")
		}
		return command(t, "skopeo", append(all, args...)...)
	}
	at := "docker://" + r.host + "/skopeo/"
	skopeo("copy", "oci:"+filepath.Join(dir, "source"), at+"app:v1")
	skopeo("copy", at+"app:v1", at+"app:v2")
	skopeo("copy", at+"app:v1", at+"copy:v1")
	skopeo("copy", at+"copy:v1", "oci:"+filepath.Join(dir, "back")+":v1")
	var is struct {
		Digest   string
		RepoTags []string
		Layers   []string
	}
	check(t, "inspect", json.Unmarshal([]byte(skopeo("inspect", at+"app:v1")), &is))
	if is.Digest != digest.String() || len(is.Layers) != 3 {
		t.Errorf("inspect = %+v, want %s", is, digest)
	}
	sameNames(t, "tags", is.RepoTags, "v1", "v2")
	var list struct{ Tags []string }
	check(t, "list-tags", json.Unmarshal([]byte(skopeo("list-tags", at+"app")), &list))
	sameNames(t, "list-tags", list.Tags, "v1", "v2")
	skopeo("delete", at+"copy:v1")
	skopeo("inspect", at+"app:v1")
}

// testSigstore needs a folder with @sigstore/oci in its node_modules, and node.
func testSigstore(t *testing.T, r registry) {
	dir := os.Getenv("NEUTRINO_TEST_SIGSTORE")
	if dir == "" {
		t.Skip("NEUTRINO_TEST_SIGSTORE names no folder with @sigstore/oci")
	}
	if r.user == "" {
		t.Skip("@sigstore/oci always logs in")
	}
	image, err := random.Image(1000, 1)
	check(t, "random.Image", err)
	name := r.host + "/sigstore/app"
	auth := crane.WithAuth(&authn.Basic{Username: r.user, Password: r.password})
	check(t, "Push", crane.Push(image, name+":v1", crane.Insecure, auth))
	digest, err := image.Digest()
	check(t, "Digest", err)
	script, err := filepath.Abs(filepath.Join("testdata", "sigstore.cjs"))
	check(t, "Abs", err)
	var got struct{ Digest, Attached string }
	out := command(t, "node", script, filepath.Join(dir, "node_modules", "@sigstore", "oci"), name, "v1", r.user, r.password)
	check(t, "sigstore", json.Unmarshal([]byte(out), &got))
	if got.Digest != digest.String() {
		t.Errorf("getImageDigest = %s, want %s", got.Digest, digest)
	}
	attached, err := crane.Manifest(name+"@"+got.Attached, crane.Insecure, auth)
	check(t, "Manifest of what was attached", err)
	var m struct {
		Subject struct{ Digest string }
	}
	check(t, "manifest", json.Unmarshal(attached, &m))
	if m.Subject.Digest != digest.String() {
		t.Errorf("what was attached has the subject %q, want %s", m.Subject.Digest, digest)
	}
}

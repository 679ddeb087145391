package clients

import (
	"io"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func testCrane(t *testing.T, r registry) {
	options := []crane.Option{crane.Insecure, crane.WithContext(t.Context()), crane.WithAuth(authn.Anonymous)}
	if r.user != "" {
		options = append(options, crane.WithAuth(&authn.Basic{Username: r.user, Password: r.password}))
	}
	at := func(s string) string { return r.host + "/" + s }
	image, err := random.Image(300_000, 5)
	check(t, "random.Image", err)
	check(t, "Push", crane.Push(image, at("crane/app:v1"), options...))
	digest, err := crane.Digest(at("crane/app:v1"), options...)
	check(t, "Digest", err)
	if want, err := image.Digest(); err != nil || digest != want.String() {
		t.Errorf("Digest = %s, want %s, %v", digest, want, err)
	}
	pulled, err := crane.Pull(at("crane/app@"+digest), options...)
	check(t, "Pull", err)
	check(t, "what was pulled", validate.Image(pulled))

	check(t, "Copy", crane.Copy(at("crane/app:v1"), at("crane/copy:v1"), options...))
	check(t, "Tag", crane.Tag(at("crane/app:v1"), "v2", options...))
	tags, err := crane.ListTags(at("crane/app"), options...)
	check(t, "ListTags", err)
	sameNames(t, "ListTags", tags, "v1", "v2")
	all, err := crane.Catalog(r.host, options...)
	if err != nil || len(all) == 0 {
		t.Errorf("Catalog = %q, %v", all, err)
	}
	layers, err := image.Layers()
	check(t, "Layers", err)
	name, err := layers[0].Digest()
	check(t, "Digest", err)
	layer, err := crane.PullLayer(at("crane/app@"+name.String()), options...)
	check(t, "PullLayer", err)
	f, err := layer.Compressed()
	check(t, "PullLayer", err)
	defer f.Close()
	_, err = io.Copy(io.Discard, f) // verifies the digest
	check(t, "PullLayer", err)

	check(t, "Delete", crane.Delete(at("crane/app@"+digest), options...))
	if _, err := crane.Manifest(at("crane/app:v1"), options...); err == nil {
		t.Error("Manifest of what is deleted: no error")
	}
	_, err = crane.Manifest(at("crane/copy:v1"), options...)
	check(t, "Manifest of the copy", err)
}

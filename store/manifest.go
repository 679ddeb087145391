package store

import "time"

// A Manifest is what the registry knows of a manifest in one repository. Its
// bytes are a blob like any other.
type Manifest struct {
	Repository   string
	Digest       string
	MediaType    string // as pushed, in Content-Type
	Size         int64
	Subject      string            // digest of the manifest that this one refers to, or ""
	ArtifactType string            // for the referrers list
	Annotations  map[string]string // for the referrers list
	Blobs        []string          // digests of blobs and manifests that it needs
	PushedAt     time.Time
}

// A Tag names a manifest of a repository.
type Tag struct {
	Repository string
	Name       string
	Digest     string
	UpdatedAt  time.Time
}

// Package artifact has the words of a Spin app as an OCI artifact: media types,
// digests, the manifest, and the lock, which is the resolved spin.toml.
//
// It imports nothing of ours and does no I/O. Everything that it parses may come
// from a stranger: sizes are bounded before anything is allocated, and what is
// returned without an error is safe to use as a path, a name or a digest.
package artifact

// Media types that Spin uses, and the three of OCI that it builds on.
const (
	ManifestType    = "application/vnd.oci.image.manifest.v1+json"
	IndexType       = "application/vnd.oci.image.index.v1+json"
	ConfigType      = "application/vnd.oci.image.config.v1+json"
	LockType        = "application/vnd.fermyon.spin.application.v1+config"
	WasmType        = "application/vnd.wasm.content.layer.v1+wasm"
	PackageWasmType = "application/wasm" // layers of wkg packages
	FileType        = "application/vnd.wasm.content.layer.v1+data"
	ArchiveType     = "application/vnd.wasm.content.bundle.v1.tar+gzip"
)

// LockDigestLabel is the label of the image config that makes the configs of
// different apps differ.
const LockDigestLabel = "com.fermyon.spin.lockedAppDigest"

// InlineSize is the most bytes of content that the lock carries inline.
const InlineSize = 128

// MaxLayers is the most layers an artifact may have; with more, the files of a
// component become one archive.
const MaxLayers = 500

// What a manifest and a lock may be at most. Objects are counted since a few
// bytes of JSON can make a large Go value.
const (
	MaxManifestSize = 4 << 20
	MaxLockSize     = 16 << 20
	maxDepth        = 64
	maxObjects      = 100_000
)

// A Descriptor points at a blob (OCI image spec, descriptor.md).
type Descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    Digest `json:"digest"`
	Size      int64  `json:"size"`
}

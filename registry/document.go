package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"regexp"
	"slices"
	"strings"

	"github.com/neutrino-local/neutrino-local/registry/artifact"
)

// A document is what the registry reads of a manifest: an image, an index, or
// anything else that has its form.
type document struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	ArtifactType  string       `json:"artifactType"`
	Config        *descriptor  `json:"config"`
	Layers        descriptors  `json:"layers"`
	Blobs         descriptors  `json:"blobs"` // of artifact manifests, before OCI 1.1
	Manifests     descriptors  `json:"manifests"`
	Subject       *descriptor  `json:"subject"`
	Annotations   *annotations `json:"annotations"`
}

type descriptor struct {
	MediaType string          `json:"mediaType"`
	Digest    artifact.Digest `json:"digest"`
	Size      int64           `json:"size"`
	URLs      json.RawMessage `json:"urls"`
}

// foreign reports whether the content of a layer may be somewhere else.
func (d descriptor) foreign() bool {
	return strings.Contains(d.MediaType, ".nondistributable.") ||
		strings.Contains(d.MediaType, ".foreign.") ||
		len(d.URLs) > 0 && !bytes.Equal(d.URLs, []byte("null")) && !bytes.Equal(d.URLs, []byte("[]"))
}

// What a manifest of 4 MiB could hold of these would take a hundred times as
// much memory.
const (
	maxDescriptors = 10_000
	maxAnnotations = 4096
)

type descriptors []descriptor

func (ds *descriptors) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open == nil {
		return err
	} else if open != json.Delim('[') {
		return errors.New("want a list of descriptors")
	}
	*ds = descriptors{} // not nil: the list is there
	for dec.More() {
		if len(*ds) == maxDescriptors {
			return fmt.Errorf("more than %d descriptors in one list", maxDescriptors)
		}
		var d descriptor
		if err := dec.Decode(&d); err != nil {
			return err
		}
		*ds = append(*ds, d)
	}
	return nil
}

type annotations map[string]string

func (a *annotations) UnmarshalJSON(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, err := dec.Token(); err != nil || open == nil {
		return err
	} else if open != json.Delim('{') {
		return errors.New("annotations: want an object")
	}
	*a = annotations{}
	for dec.More() {
		if len(*a) == maxAnnotations {
			return fmt.Errorf("more than %d annotations", maxAnnotations)
		}
		key, err := dec.Token()
		if err != nil {
			return err
		}
		var value string
		if err := dec.Decode(&value); err != nil {
			return fmt.Errorf("annotation %.80q: %w", key, err)
		}
		(*a)[key.(string)] = value
	}
	return nil
}

// Media types of manifests whose form is known.
const (
	dockerManifestType = "application/vnd.docker.distribution.manifest.v2+json"
	dockerListType     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

var mediaTypeForm = regexp.MustCompile(`^application/[a-zA-Z0-9][a-zA-Z0-9.+_-]{0,200}$`)

// parseDocument reads a manifest that was pushed with a Content-Type. The
// result has a MediaType, and each digest in it is one.
func parseDocument(raw []byte, contentType string) (*document, error) {
	doc := new(document)
	if err := json.Unmarshal(raw, doc); err != nil {
		return nil, fmt.Errorf("%w: %w", errManifestInvalid, err)
	}
	if err := doc.setType(contentType); err != nil {
		return nil, err
	}
	isIndex := len(doc.Manifests) > 0
	isImage := doc.Config != nil || len(doc.Layers) > 0
	switch doc.MediaType {
	case artifact.ManifestType, dockerManifestType:
		if doc.Config == nil || isIndex {
			return nil, fmt.Errorf("%w: an image has a config and no manifests", errManifestInvalid)
		}
	case artifact.IndexType, dockerListType:
		if isImage {
			return nil, fmt.Errorf("%w: an index has no config and no layers", errManifestInvalid)
		}
	default:
		if isImage && isIndex {
			return nil, fmt.Errorf("%w: it is an image and an index", errManifestInvalid)
		}
	}
	if doc.SchemaVersion != 2 && (isImage || isIndex || doc.SchemaVersion != 0) {
		return nil, fmt.Errorf("%w: schemaVersion %d; want 2", errManifestInvalid, doc.SchemaVersion)
	}
	return doc, doc.checkDescriptors()
}

// setType settles what the manifest is: by its own word, else by the header,
// else by its form.
func (doc *document) setType(contentType string) error {
	if contentType != "" {
		header, _, err := mime.ParseMediaType(contentType)
		if err != nil {
			return fmt.Errorf("%w: Content-Type %.100q: %w", errManifestInvalid, contentType, err)
		}
		if doc.MediaType != "" && !strings.EqualFold(doc.MediaType, header) {
			return fmt.Errorf("%w: its mediaType is %.100q, its Content-Type %.100q", errManifestInvalid, doc.MediaType, header)
		}
		if doc.MediaType == "" {
			doc.MediaType = header
		}
	}
	switch {
	case doc.MediaType != "":
	case doc.Manifests != nil:
		doc.MediaType = artifact.IndexType
	default:
		doc.MediaType = artifact.ManifestType
	}
	if !mediaTypeForm.MatchString(doc.MediaType) {
		return fmt.Errorf("%w: media type %.100q; want application/…", errManifestInvalid, doc.MediaType)
	}
	return nil
}

func (doc *document) checkDescriptors() error {
	all := slices.Concat(doc.Layers, doc.Blobs, doc.Manifests)
	for _, one := range []*descriptor{doc.Config, doc.Subject} {
		if one != nil {
			all = append(all, *one)
		}
	}
	for _, d := range all {
		if _, err := artifact.ParseDigest(string(d.Digest)); err != nil {
			return fmt.Errorf("%w: %w", errManifestInvalid, err)
		}
		if d.Size < 0 {
			return fmt.Errorf("%w: %s has size %d", errManifestInvalid, d.Digest, d.Size)
		}
	}
	return nil
}

// content returns the descriptors of the blobs that belong to the manifest, the
// config last, each digest once.
func (doc *document) content() []descriptor {
	all := slices.Concat(doc.Layers, doc.Blobs)
	if doc.Config != nil {
		all = append(all, *doc.Config)
	}
	seen := make(map[artifact.Digest]bool, len(all))
	return slices.DeleteFunc(all, func(d descriptor) bool {
		again := seen[d.Digest]
		seen[d.Digest] = true
		return again
	})
}

// spin reports whether the manifest is a Spin app's.
func (doc *document) spin() bool {
	return slices.ContainsFunc(doc.Layers, func(d descriptor) bool { return d.MediaType == artifact.LockType })
}

// referrerType is the artifactType that the list of referrers shows.
func (doc *document) referrerType() string {
	if doc.ArtifactType == "" && doc.Config != nil {
		return doc.Config.MediaType
	}
	return doc.ArtifactType
}

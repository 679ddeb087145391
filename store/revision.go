package store

import (
	"strconv"
	"time"
)

// RevisionNumber counts the revisions of one app from 1. The cloud's own output
// calls it a version: "version 1 → 2".
type RevisionNumber int

func (n RevisionNumber) String() string { return "r" + strconv.Itoa(int(n)) }

// A Revision is an artifact and the values of its variables. It never changes.
type Revision struct {
	App        AppID
	Number     RevisionNumber
	Repository string   // in our registry, e.g. "local/hello"
	Digest     string   // of the manifest
	Blobs      []string // digests of the manifest, its config and its layers: roots for the registry
	Size       int64    // bytes, sum of the distinct layers
	Variables  map[string]string
	CreatedAt  time.Time
}

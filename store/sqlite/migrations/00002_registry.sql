-- +goose Up
CREATE TABLE repositories (
	name TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- Every digest that was ever acknowledged and not yet collected. touched_at is
-- the last time that a client was told that the blob is here.
CREATE TABLE blobs (
	digest     TEXT    NOT NULL PRIMARY KEY,
	touched_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX blobs_by_touch ON blobs (touched_at, digest);

CREATE TABLE blob_links (
	repository TEXT    NOT NULL REFERENCES repositories (name) ON DELETE CASCADE,
	digest     TEXT    NOT NULL REFERENCES blobs (digest) ON DELETE CASCADE,
	linked_at  INTEGER NOT NULL,
	PRIMARY KEY (repository, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX blob_links_by_digest ON blob_links (digest);

CREATE TABLE manifests (
	repository    TEXT    NOT NULL REFERENCES repositories (name) ON DELETE CASCADE,
	digest        TEXT    NOT NULL,
	media_type    TEXT    NOT NULL,
	size          INTEGER NOT NULL,
	subject       TEXT    NOT NULL,
	artifact_type TEXT    NOT NULL,
	annotations   TEXT    NOT NULL,
	pushed_at     INTEGER NOT NULL,
	PRIMARY KEY (repository, digest)
) STRICT;

CREATE INDEX manifests_by_digest ON manifests (digest);
CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest) WHERE subject <> '';

CREATE TABLE manifest_blobs (
	repository TEXT NOT NULL,
	manifest   TEXT NOT NULL,
	digest     TEXT NOT NULL,
	PRIMARY KEY (repository, manifest, digest),
	FOREIGN KEY (repository, manifest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX manifest_blobs_by_digest ON manifest_blobs (digest);

CREATE TABLE tags (
	repository TEXT    NOT NULL,
	name       TEXT    NOT NULL,
	digest     TEXT    NOT NULL,
	updated_at INTEGER NOT NULL,
	PRIMARY KEY (repository, name),
	FOREIGN KEY (repository, digest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX tags_by_manifest ON tags (repository, digest);

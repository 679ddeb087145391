-- Times are nanoseconds since 1970 in UTC; 0 means that it has not happened.

-- +goose Up
CREATE TABLE apps (
	id         TEXT    NOT NULL PRIMARY KEY,
	name       TEXT    NOT NULL,
	account    TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	last_used  INTEGER NOT NULL,
	current    INTEGER NOT NULL DEFAULT 0,
	previous   INTEGER NOT NULL DEFAULT 0,
	latest     INTEGER NOT NULL DEFAULT 0,
	UNIQUE (account, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE listeners (
	app      TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	address  TEXT    NOT NULL,
	PRIMARY KEY (app, position)
) STRICT, WITHOUT ROWID;

-- Port 0 is a different port each time.
CREATE UNIQUE INDEX listeners_by_address ON listeners (address) WHERE substr(address, -2) <> ':0';

CREATE TABLE revisions (
	app        TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
	number     INTEGER NOT NULL,
	repository TEXT    NOT NULL,
	digest     TEXT    NOT NULL,
	size       INTEGER NOT NULL,
	variables  TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	PRIMARY KEY (app, number)
) STRICT;

CREATE TABLE revision_blobs (
	app    TEXT    NOT NULL,
	number INTEGER NOT NULL,
	digest TEXT    NOT NULL,
	PRIMARY KEY (app, number, digest),
	FOREIGN KEY (app, number) REFERENCES revisions (app, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX revision_blobs_by_digest ON revision_blobs (digest);

CREATE TABLE deployments (
	seq           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
	id            TEXT    NOT NULL UNIQUE,
	app           TEXT    NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
	revision      INTEGER NOT NULL,
	from_revision INTEGER NOT NULL,
	rollback      INTEGER NOT NULL,
	policy        TEXT    NOT NULL,
	window        INTEGER NOT NULL,
	seed          INTEGER NOT NULL,
	health_path   TEXT    NOT NULL,
	readiness     INTEGER NOT NULL,
	drain_timeout INTEGER NOT NULL,
	warnings      TEXT    NOT NULL,
	phase         TEXT    NOT NULL,
	failed_in     TEXT    NOT NULL DEFAULT '',
	reason        TEXT    NOT NULL DEFAULT '',
	recovered     INTEGER NOT NULL DEFAULT 0,
	cut           INTEGER NOT NULL DEFAULT 0,
	started_at    INTEGER NOT NULL,
	ended_at      INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX deployments_by_app ON deployments (app, seq);
CREATE INDEX deployments_open ON deployments (app) WHERE ended_at = 0;

CREATE TABLE phases (
	deployment INTEGER NOT NULL REFERENCES deployments (seq) ON DELETE CASCADE,
	n          INTEGER NOT NULL,
	phase      TEXT    NOT NULL,
	at         INTEGER NOT NULL,
	detail     TEXT    NOT NULL,
	PRIMARY KEY (deployment, n)
) STRICT, WITHOUT ROWID;

-- What resource servers rely on: registered resources (RFC 8707), and lists that tell of ended sessions.
-- The primary key of resource_scopes is what lets a scope's name belong to one of them.

-- +goose Up
CREATE TABLE resources (
	id         TEXT PRIMARY KEY,
	name       TEXT NOT NULL,
	dpop       BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL
);

CREATE TABLE resource_scopes (
	name        TEXT PRIMARY KEY,
	resource_id TEXT NOT NULL REFERENCES resources (id) ON DELETE CASCADE,
	words       TEXT NOT NULL,
	position    BIGINT NOT NULL
);
CREATE INDEX resource_scopes_resource ON resource_scopes (resource_id, position);

-- Where a session's end is told in a status list. An index is one row's, for as long as there is the row.
ALTER TABLE sessions ADD COLUMN status_index BIGINT NOT NULL DEFAULT 0;
ALTER TABLE requests ADD COLUMN status_index BIGINT NOT NULL DEFAULT 0;
ALTER TABLE grants ADD COLUMN status_index BIGINT NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX sessions_status ON sessions (status_index) WHERE status_index <> 0;
CREATE INDEX sessions_gone ON sessions (grant_gone_at) WHERE grant_gone_at <> 0;

-- +goose Down
DROP INDEX sessions_gone;
DROP INDEX sessions_status;
ALTER TABLE grants DROP COLUMN status_index;
ALTER TABLE requests DROP COLUMN status_index;
ALTER TABLE sessions DROP COLUMN status_index;
DROP TABLE resource_scopes;
DROP TABLE resources;

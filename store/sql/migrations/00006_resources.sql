-- Registered resources (RFC 8707). The primary key of resource_scopes is what lets a scope's name belong to one of them.

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

-- +goose Down
DROP TABLE resource_scopes;
DROP TABLE resources;

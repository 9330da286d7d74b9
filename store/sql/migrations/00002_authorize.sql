-- What the authorization endpoint needs: requests that wait for a person, and what people have allowed to apps.

-- +goose Up
CREATE TABLE consents (
	user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	client_id  TEXT NOT NULL,
	scope      TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	updated_at BIGINT NOT NULL,
	PRIMARY KEY (user_id, client_id)
);

CREATE TABLE notes (
	name       TEXT PRIMARY KEY,
	body       TEXT NOT NULL,
	expires_at BIGINT NOT NULL
);
CREATE INDEX notes_expiry ON notes (expires_at);

-- +goose Down
DROP TABLE notes;
DROP TABLE consents;

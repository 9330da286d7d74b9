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

-- Our own client opens a browser where there is one, unless an operator has given it other grants.
UPDATE clients SET grant_types = '["urn:ietf:params:oauth:grant-type:device_code","refresh_token","authorization_code"]',
	redirect_uris = '["http://127.0.0.1/callback","http://[::1]/callback"]'
WHERE built_in = 1 AND grant_types = '["urn:ietf:params:oauth:grant-type:device_code","refresh_token"]';

-- +goose Down
UPDATE clients SET grant_types = '["urn:ietf:params:oauth:grant-type:device_code","refresh_token"]', redirect_uris = '[]'
WHERE built_in = 1 AND grant_types = '["urn:ietf:params:oauth:grant-type:device_code","refresh_token","authorization_code"]';
DROP TABLE notes;
DROP TABLE consents;

-- Clients that no operator has registered, and what lets them register. A client without a row here is an operator's, so the
-- way back deletes them: nothing would tell them apart any more.

-- +goose Up
CREATE TABLE registrations (
	client_id   TEXT PRIMARY KEY REFERENCES clients (id) ON DELETE CASCADE,
	origin      TEXT NOT NULL,
	auth_method TEXT NOT NULL,
	token       TEXT NOT NULL,
	before      TEXT NOT NULL,
	invite_id   TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	rotated_at  BIGINT NOT NULL,
	used_at     BIGINT NOT NULL,
	leaving_at  BIGINT NOT NULL,
	fresh_until BIGINT NOT NULL
);
CREATE INDEX registrations_leaving ON registrations (client_id) WHERE leaving_at <> 0;

-- Initial access tokens.
CREATE TABLE client_invites (
	id         TEXT PRIMARY KEY,
	token      TEXT NOT NULL UNIQUE,
	note       TEXT NOT NULL,
	uses       BIGINT NOT NULL,
	uses_left  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL
);

-- +goose Down
DELETE FROM clients WHERE id IN (SELECT client_id FROM registrations);
DROP TABLE client_invites;
DROP TABLE registrations;

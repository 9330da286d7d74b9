-- Records and tickets, in words that SQLite and PostgreSQL both understand: ids are TEXT, times are BIGINT milliseconds
-- since 1970 with 0 for "not set", lists are TEXT with spaces between the words or JSON, truth is BIGINT 0 or 1.

-- +goose Up

-- The oldest program that can work with this schema, by the number of its newest migration. A migration that a program
-- of before cannot bear raises it; one that only adds leaves it, so that two versions work side by side.
CREATE TABLE schema_bears (
	one     BIGINT PRIMARY KEY CHECK (one = 1),
	minimum BIGINT NOT NULL
);
INSERT INTO schema_bears (one, minimum) VALUES (1, 1);

-- changed_ns and followed_ns are nanoseconds: whether the grants have followed a change must not hang on two of them
-- falling into one millisecond.
CREATE TABLE users (
	id          TEXT PRIMARY KEY,
	email       TEXT NOT NULL UNIQUE,
	name        TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	verified_at BIGINT NOT NULL,
	disabled_at BIGINT NOT NULL,
	changed_ns  BIGINT NOT NULL DEFAULT 0,
	followed_ns BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX users_changed ON users (id) WHERE changed_ns > followed_ns;

CREATE TABLE invites (
	email      TEXT PRIMARY KEY,
	invited_by TEXT NOT NULL,
	invited_at BIGINT NOT NULL
);

CREATE TABLE devices (
	id          TEXT PRIMARY KEY,
	fingerprint TEXT NOT NULL,
	owner_id    TEXT NOT NULL,
	name        TEXT NOT NULL,
	platform    TEXT NOT NULL,
	first_seen  BIGINT NOT NULL,
	last_seen   BIGINT NOT NULL
);
-- One device, one row; clients that know no fingerprint have as many as they have sessions.
CREATE UNIQUE INDEX devices_fingerprint ON devices (fingerprint) WHERE fingerprint <> '';
CREATE INDEX devices_seen ON devices (last_seen);

-- Who has ever had a confirmed session on which device: the session itself is forgotten one day.
CREATE TABLE device_users (
	device_id TEXT NOT NULL REFERENCES devices (id) ON DELETE CASCADE,
	user_id   TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
	PRIMARY KEY (device_id, user_id)
);

CREATE TABLE sessions (
	id            TEXT PRIMARY KEY,
	kind          TEXT NOT NULL,
	user_id       TEXT NOT NULL REFERENCES users (id),
	device_id     TEXT NOT NULL,
	client_id     TEXT NOT NULL,
	scope         TEXT NOT NULL,
	audience      TEXT NOT NULL,
	amr           TEXT NOT NULL,
	address       TEXT NOT NULL,
	name          TEXT NOT NULL,
	platform      TEXT NOT NULL,
	auth_time     BIGINT NOT NULL,
	created_at    BIGINT NOT NULL,
	seen_at       BIGINT NOT NULL,
	confirmed_at  BIGINT NOT NULL,
	check_at      BIGINT NOT NULL,
	expires_at    BIGINT NOT NULL,
	ended_at      BIGINT NOT NULL DEFAULT 0,
	end_reason    TEXT NOT NULL DEFAULT '',
	grant_gone_at BIGINT NOT NULL DEFAULT 0,
	replaced_by   TEXT NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id) WHERE ended_at = 0;
CREATE INDEX sessions_device ON sessions (device_id, user_id, client_id);
CREATE INDEX sessions_client ON sessions (client_id) WHERE ended_at = 0;
CREATE INDEX sessions_check ON sessions (check_at) WHERE ended_at = 0;
CREATE INDEX sessions_unfinished ON sessions (ended_at) WHERE ended_at <> 0 AND grant_gone_at = 0;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at <> 0;

CREATE TABLE clients (
	id                  TEXT PRIMARY KEY,
	name                TEXT NOT NULL,
	public              BIGINT NOT NULL,
	secret_hashes       TEXT NOT NULL,
	require_fingerprint BIGINT NOT NULL,
	grant_types         TEXT NOT NULL,
	redirect_uris       TEXT NOT NULL,
	scopes              TEXT NOT NULL,
	audiences           TEXT NOT NULL,
	built_in            BIGINT NOT NULL,
	created_at          BIGINT NOT NULL,
	updated_at          BIGINT NOT NULL,
	disabled_at         BIGINT NOT NULL
);

CREATE TABLE events (
	id         TEXT PRIMARY KEY,
	happened   BIGINT NOT NULL,
	type       TEXT NOT NULL,
	actor      TEXT NOT NULL,
	target     TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	session_id TEXT NOT NULL,
	client_id  TEXT NOT NULL,
	device_id  TEXT NOT NULL,
	address    TEXT NOT NULL,
	request_id TEXT NOT NULL,
	result     TEXT NOT NULL,
	detail     TEXT NOT NULL
);
CREATE INDEX events_happened ON events (happened);

-- From here on: tickets. What has expired in them is as good as gone.

CREATE TABLE requests (
	sid         TEXT PRIMARY KEY,
	version     BIGINT NOT NULL,
	secret      TEXT NOT NULL,
	user_code   TEXT NOT NULL,
	client_id   TEXT NOT NULL,
	scope       TEXT NOT NULL,
	audience    TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	name        TEXT NOT NULL,
	platform    TEXT NOT NULL,
	address     TEXT NOT NULL,
	created_at  BIGINT NOT NULL,
	expires_at  BIGINT NOT NULL,
	interval_ms BIGINT NOT NULL,
	state       TEXT NOT NULL,
	reason      TEXT NOT NULL DEFAULT '',
	browser     TEXT NOT NULL DEFAULT '',
	user_id     TEXT NOT NULL DEFAULT '',
	device_id   TEXT NOT NULL DEFAULT '',
	polled_at   BIGINT NOT NULL DEFAULT 0,
	counted_at  BIGINT NOT NULL DEFAULT 0,
	slowed      BIGINT NOT NULL DEFAULT 0,
	repeated    BIGINT NOT NULL DEFAULT 0,
	wrong       BIGINT NOT NULL DEFAULT 0,
	auth_time   BIGINT NOT NULL DEFAULT 0,
	amr         TEXT NOT NULL DEFAULT '',
	jti         TEXT NOT NULL DEFAULT '',
	next_jti    TEXT NOT NULL DEFAULT '',
	idle_ms     BIGINT NOT NULL DEFAULT 0,
	absolute_ms BIGINT NOT NULL DEFAULT 0
);
-- A code is free again when its request has expired: it is then taken from it.
CREATE UNIQUE INDEX requests_code ON requests (user_code) WHERE user_code <> '';
CREATE INDEX requests_expiry ON requests (expires_at);

CREATE TABLE grants (
	sid          TEXT PRIMARY KEY,
	user_id      TEXT NOT NULL,
	device_id    TEXT NOT NULL,
	client_id    TEXT NOT NULL,
	scope        TEXT NOT NULL,
	audience     TEXT NOT NULL,
	amr          TEXT NOT NULL,
	fingerprint  TEXT NOT NULL,
	auth_time    BIGINT NOT NULL,
	created_at   BIGINT NOT NULL,
	rotated_at   BIGINT NOT NULL,
	expires_at   BIGINT NOT NULL,
	idle_ms      BIGINT NOT NULL,
	idle_at      BIGINT NOT NULL,
	jti          TEXT NOT NULL,
	next_jti     TEXT NOT NULL,
	previous_jti TEXT NOT NULL
);
CREATE INDEX grants_idle ON grants (idle_at);

CREATE TABLE revoked (
	sid        TEXT NOT NULL,
	jti        TEXT NOT NULL,
	expires_at BIGINT NOT NULL,
	PRIMARY KEY (sid, jti)
);
CREATE INDEX revoked_expiry ON revoked (expires_at);

CREATE TABLE browsers (
	sid        TEXT PRIMARY KEY,
	secret     TEXT NOT NULL,
	user_id    TEXT NOT NULL,
	amr        TEXT NOT NULL,
	auth_time  BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	seen_at    BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	idle_ms    BIGINT NOT NULL,
	idle_at    BIGINT NOT NULL,
	address    TEXT NOT NULL
);
CREATE INDEX browsers_idle ON browsers (idle_at);

CREATE TABLE links (
	id         TEXT PRIMARY KEY,
	device     TEXT NOT NULL,
	mail       TEXT NOT NULL,
	code       TEXT NOT NULL,
	email      TEXT NOT NULL,
	return_to  TEXT NOT NULL,
	address    TEXT NOT NULL,
	created_at BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	wrong      BIGINT NOT NULL
);
CREATE INDEX links_expiry ON links (expires_at);

-- full_us is the time, in microseconds, at which the bucket is full again (the "theoretical arrival time" of GCRA).
CREATE TABLE buckets (
	name    TEXT PRIMARY KEY,
	full_us BIGINT NOT NULL
);
CREATE INDEX buckets_full ON buckets (full_us);

CREATE TABLE marks (
	name       TEXT PRIMARY KEY,
	expires_at BIGINT NOT NULL
);
CREATE INDEX marks_expiry ON marks (expires_at);

-- A decision is told to other processes by a row here; they look when the file has changed.
CREATE TABLE decided (
	seq        BIGINT PRIMARY KEY,
	sid        TEXT NOT NULL,
	decided_at BIGINT NOT NULL
);

-- +goose Down
DROP TABLE decided;
DROP TABLE marks;
DROP TABLE buckets;
DROP TABLE links;
DROP TABLE browsers;
DROP TABLE revoked;
DROP TABLE grants;
DROP TABLE requests;
DROP TABLE events;
DROP TABLE clients;
DROP TABLE sessions;
DROP TABLE device_users;
DROP TABLE devices;
DROP TABLE invites;
DROP TABLE users;
DROP TABLE schema_bears;

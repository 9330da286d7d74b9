-- What apps hear of the end of a session: which sessions end with a browser's, and whom we still have to tell.

-- +goose Up
ALTER TABLE clients ADD COLUMN logout_uri TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN logout_redirect_uris TEXT NOT NULL DEFAULT '[]';
ALTER TABLE sessions ADD COLUMN opener TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_opener ON sessions (opener) WHERE opener <> '';

CREATE TABLE logouts (
	sid       TEXT PRIMARY KEY,
	client_id TEXT NOT NULL,
	user_id   TEXT NOT NULL,
	ended_at  BIGINT NOT NULL,
	due_at    BIGINT NOT NULL,
	tries     BIGINT NOT NULL
);
CREATE INDEX logouts_due ON logouts (due_at);

-- +goose Down
DROP TABLE logouts;
DROP INDEX sessions_opener;
ALTER TABLE sessions DROP COLUMN opener;
ALTER TABLE clients DROP COLUMN logout_redirect_uris;
ALTER TABLE clients DROP COLUMN logout_uri;

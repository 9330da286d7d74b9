-- Indexes for what is asked of a file that holds months. The step only adds, and makes one index anew: programs of before go on
-- working with the schema.

-- +goose Up
-- With its first column it is told from sessions_ended, which holds the same times of half a year and was taken instead.
DROP INDEX sessions_unfinished;
CREATE INDEX sessions_unfinished ON sessions (grant_gone_at, ended_at) WHERE ended_at <> 0 AND grant_gone_at = 0;
CREATE INDEX events_session ON events (session_id, id) WHERE session_id <> '';
CREATE INDEX events_client ON events (client_id, id) WHERE client_id <> '';
CREATE INDEX events_type ON events (type, id);
CREATE INDEX device_users_user ON device_users (user_id);

-- +goose Down
DROP INDEX device_users_user;
DROP INDEX events_type;
DROP INDEX events_client;
DROP INDEX events_session;
DROP INDEX sessions_unfinished;
CREATE INDEX sessions_unfinished ON sessions (ended_at) WHERE ended_at <> 0 AND grant_gone_at = 0;

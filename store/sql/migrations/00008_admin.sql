-- What the admin API needs: clients that may use it, users who are removed, and lists that are read page by page. The step
-- only adds, so programs of before go on working with the schema. A removed user is disabled, so they let nobody in.

-- +goose Up
ALTER TABLE clients ADD COLUMN admin TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN removed_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX users_removed ON users (removed_at) WHERE removed_at <> 0;
CREATE INDEX sessions_created ON sessions (created_at, id);
CREATE INDEX sessions_user_created ON sessions (user_id, created_at, id);
CREATE INDEX events_user ON events (user_id, id) WHERE user_id <> '';

-- +goose Down
DROP INDEX events_user;
DROP INDEX sessions_user_created;
DROP INDEX sessions_created;
DROP INDEX users_removed;
ALTER TABLE users DROP COLUMN removed_at;
ALTER TABLE clients DROP COLUMN admin;

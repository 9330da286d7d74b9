-- What an app asked for together with its magic link: the keeper does not look into it. Links that browsers ask for, and
-- programs of before this step, leave it empty.

-- +goose Up
ALTER TABLE links ADD COLUMN app TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE links DROP COLUMN app;

-- The key that a flow or a refresh token is bound to (RFC 9449), as its thumbprint; empty if to none. The step only adds:
-- programs of before go on working with the schema, and bind nothing.

-- +goose Up
ALTER TABLE requests ADD COLUMN bound_key TEXT NOT NULL DEFAULT '';
ALTER TABLE grants ADD COLUMN bound_key TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE grants DROP COLUMN bound_key;
ALTER TABLE requests DROP COLUMN bound_key;

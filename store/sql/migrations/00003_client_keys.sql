-- +goose Up

-- The public keys (RFC 7517) by which a client proves itself; empty if it has none. The step only adds, so programs of
-- before go on working with the schema, and the oldest that it bears stays.
ALTER TABLE clients ADD COLUMN jwks TEXT NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE clients DROP COLUMN jwks;

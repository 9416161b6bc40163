-- A new channel.
-- $1 uuid, $2 uuid account, $3 text type, $4 text name, $5 text config as JSON, $6 bytea credentials, $7 boolean active
INSERT INTO channels (id, account_id, type, name, config, credentials, is_active)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7) RETURNING {{columns}}

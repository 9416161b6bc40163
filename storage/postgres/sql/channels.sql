-- Channels (accounts/channels.py).


-- name: channel_columns
-- Columns of a Channel; channels.py decodes the config.
id::text, account_id::text, type, name, config::text, credentials, is_active,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: channel_create
-- Create a channel.
-- $1 uuid, $2 uuid account, $3 text type, $4 text name, $5 text config as JSON, $6 bytea credentials, $7 boolean active
INSERT INTO channels (id, account_id, type, name, config, credentials, is_active)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7) RETURNING {{columns}}


-- name: channel_delete
-- Delete a channel unless it has conversations. Returns whether it existed, and whether it was deleted.
-- $1 uuid
WITH gone AS (
  DELETE FROM channels h WHERE h.id = $1
    AND NOT EXISTS (SELECT FROM conversations c WHERE c.account_id = h.account_id AND c.channel_id = h.id)
  RETURNING h.id)
SELECT EXISTS (SELECT FROM channels WHERE id = $1), EXISTS (SELECT FROM gone)


-- name: channel_find
-- One channel, by its id alone.
-- $1 uuid
SELECT {{columns}} FROM channels WHERE id = $1


-- name: channel_first
-- The oldest active channel of a type.
-- $1 uuid account, $2 text type
SELECT {{columns}} FROM channels WHERE account_id = $1 AND type = $2 AND is_active ORDER BY created_at, id LIMIT 1


-- name: channels_of_type
-- The oldest channels of a type.
-- $1 uuid account, $2 text type, $3 integer most
SELECT {{columns}} FROM channels WHERE account_id = $1 AND type = $2 ORDER BY created_at, id LIMIT $3


-- name: channel_update
-- Change a channel. Null leaves a field as it is.
-- $1 uuid, $2 text name, $3 text config as JSON, $4 boolean whether to set the credentials, $5 bytea credentials, $6
-- boolean active
UPDATE channels SET name = coalesce($2, name), config = coalesce($3::text::jsonb, config),
  credentials = CASE WHEN $4 THEN $5 ELSE credentials END, is_active = coalesce($6, is_active), updated_at = now()
WHERE id = $1 RETURNING {{columns}}


-- name: channel_origin_allowed
-- Whether an active web chat channel of any account allows pages of an origin (channels_allowed_origins serves it).
-- $1 text origin, as browsers write it
SELECT EXISTS (
  SELECT FROM channels WHERE type = 'webchat' AND is_active AND config->'allowed_origins' ? $1)


-- name: channels_page
-- A page of channels, oldest first, each row with its sort key in front.
-- $1 bigint and $2 uuid: time (µs) and id of the last row seen, or null, $3 limit
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM channels
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3

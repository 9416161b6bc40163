-- Queries of channels: each starts with a line `-- name:` and is described by the comment below it.


-- name: channel_columns
-- Channel columns, in the order that rows.py reads.
id::text, account_id::text, type, name, config::text, credentials, is_active,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: channel_create
-- A new channel.
-- $1 uuid, $2 uuid account, $3 text type, $4 text name, $5 text config as JSON, $6 bytea credentials, $7 boolean active
INSERT INTO channels (id, account_id, type, name, config, credentials, is_active)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7) RETURNING {{columns}}


-- name: channel_delete
-- Delete a channel unless it has conversations. Returns whether there is such a channel, and whether it was deleted.
-- $1 uuid
WITH gone AS (
  DELETE FROM channels h WHERE h.id = $1
    AND NOT EXISTS (SELECT FROM conversations c WHERE c.account_id = h.account_id AND c.channel_id = h.id)
  RETURNING h.id)
SELECT EXISTS (SELECT FROM channels WHERE id = $1), EXISTS (SELECT FROM gone)


-- name: channel_find
-- A channel by its id alone.
-- $1 uuid
SELECT {{columns}} FROM channels WHERE id = $1


-- name: channel_update
-- Change a channel.
-- $1 uuid, $2 text name or null, $3 text config as JSON or null, $4 boolean whether to set the credentials,
-- $5 bytea credentials, $6 boolean active or null
UPDATE channels SET name = coalesce($2, name), config = coalesce($3::text::jsonb, config),
  credentials = CASE WHEN $4 THEN $5 ELSE credentials END, is_active = coalesce($6, is_active), updated_at = now()
WHERE id = $1 RETURNING {{columns}}


-- name: channels_page
-- Channels, oldest first; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM channels
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3

-- Queries of event_webhooks: each starts with a line `-- name:` and is described by the comment below it.


-- name: event_delivery_columns
-- Event delivery columns, in the order that rows.py reads.
d.id::text, d.account_id::text, d.webhook_id::text, d.event_id, d.event_type, d.status, d.attempts,
(extract(epoch FROM d.next_attempt_at) * 1000)::bigint, d.response_status, d.response_excerpt, d.error, d.duration_ms,
(extract(epoch FROM d.created_at) * 1000)::bigint, (extract(epoch FROM d.delivered_at) * 1000)::bigint


-- name: event_webhook_columns
-- Event webhook columns, in the order that rows.py reads.
w.id::text, w.account_id::text, w.url, w.description, w.event_types, w.is_active, w.secret,
(extract(epoch FROM w.previous_until) * 1000)::bigint, w.generation, w.position,
(extract(epoch FROM w.failing_since) * 1000)::bigint, (extract(epoch FROM w.disabled_at) * 1000)::bigint, w.disabled_reason,
(extract(epoch FROM w.created_at) * 1000)::bigint, (extract(epoch FROM w.updated_at) * 1000)::bigint


-- name: account_lock
-- Hold the account's row, so that two who count what it has do not both add the last one.
-- $1 uuid account
SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE


-- name: event_deliveries_page
-- Deliveries of an event webhook, newest first; each with its place.
-- $1 uuid webhook, $2 text status or null, $3 bigint and $4 uuid: time (µs) and id of the last one seen, or null, $5 how many
SELECT (extract(epoch FROM d.created_at) * 1000000)::bigint, {{columns}} FROM event_deliveries d
WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.status = $2)
  AND ($3::bigint IS NULL OR (d.created_at, d.id) < (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY d.created_at DESC, d.id DESC LIMIT $5


-- name: event_deliveries_replay
-- Queue again what failed of a webhook's events since a time; returns how many.
-- $1 uuid webhook, $2 bigint ms
WITH again AS (
  UPDATE event_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now()
  WHERE d.webhook_id = $1 AND d.status = 'failed' AND d.created_at >= to_timestamp($2 / 1000.0) RETURNING 1)
SELECT count(*) FROM again


-- name: event_delivery_get
-- A delivery with what is sent.
-- $1 uuid webhook, $2 uuid
SELECT d.payload, {{columns}} FROM event_deliveries d WHERE d.id = $2 AND d.webhook_id = $1


-- name: event_delivery_replay
-- Queue a delivery again, unless it is under way.
-- $1 uuid webhook, $2 uuid
UPDATE event_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now(), delivered_at = NULL
WHERE d.id = $2 AND d.webhook_id = $1 AND d.status <> 'delivering' RETURNING {{columns}}


-- name: event_webhook_create
-- A new event webhook, which begins where the account's feed stands. No row: no such account.
-- $1 uuid, $2 uuid account, $3 text url, $4 text description, $5 text[] event types, $6 boolean active, $7 bytea secret
INSERT INTO event_webhooks AS w (id, account_id, url, description, event_types, is_active, secret, generation, position)
SELECT $1, f.account_id, $3, $4, $5, $6, $7, f.generation, f.position FROM account_feeds f WHERE f.account_id = $2
RETURNING {{columns}}


-- name: event_webhook_delete
-- Delete an event webhook, and with it its deliveries.
-- $1 uuid
DELETE FROM event_webhooks WHERE id = $1 RETURNING url


-- name: event_webhook_get
-- An event webhook.
-- $1 uuid
SELECT {{columns}} FROM event_webhooks w WHERE w.id = $1


-- name: event_webhook_rotate
-- Replace an event webhook's secret, unless somebody else did meanwhile.
-- $1 uuid, $2 bytea the secret as it was read, $3 bytea the new one, $4 bigint ms until which the old one signs too
UPDATE event_webhooks w SET secret = $3, previous_until = to_timestamp($4 / 1000.0), updated_at = now()
WHERE w.id = $1 AND w.secret = $2 RETURNING {{columns}}


-- name: event_webhook_update
-- Change an event webhook. Switched on again it begins where the feed stands now, with a clean record.
-- $1 uuid, $2 text url or null, $3 boolean whether to set the description, $4 text description, $5 text[] event types or
-- null, $6 boolean active or null
UPDATE event_webhooks w SET
  url = coalesce($2, w.url),
  description = CASE WHEN $3 THEN $4 ELSE w.description END,
  event_types = coalesce($5, w.event_types),
  is_active = coalesce($6, w.is_active),
  position = CASE WHEN $6 AND NOT w.is_active THEN f.position ELSE w.position END,
  generation = CASE WHEN $6 AND NOT w.is_active THEN f.generation ELSE w.generation END,
  failing_since = CASE WHEN $6 AND NOT w.is_active THEN NULL ELSE w.failing_since END,
  disabled_at = CASE WHEN $6 THEN NULL ELSE w.disabled_at END,
  disabled_reason = CASE WHEN $6 THEN NULL ELSE w.disabled_reason END,
  updated_at = now()
FROM account_feeds f WHERE w.id = $1 AND f.account_id = w.account_id
RETURNING {{columns}}


-- name: event_webhooks_count
-- How many event webhooks the account has.
SELECT count(*) FROM event_webhooks


-- name: event_webhooks_page
-- Event webhooks, oldest first; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM w.created_at) * 1000000)::bigint, {{columns}} FROM event_webhooks w
WHERE $1::bigint IS NULL OR (w.created_at, w.id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY w.created_at, w.id LIMIT $3

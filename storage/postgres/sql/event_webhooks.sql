-- Event webhooks and the log of their deliveries (delivery/event_webhooks.py).


-- name: event_delivery_columns
-- Columns of an EventDelivery, in the order of its fields.
d.id::text, d.account_id::text, d.webhook_id::text, d.event_id, d.event_type, d.status, d.attempts,
(extract(epoch FROM d.next_attempt_at) * 1000)::bigint, d.response_status, d.response_excerpt, d.error, d.duration_ms,
(extract(epoch FROM d.created_at) * 1000)::bigint, (extract(epoch FROM d.delivered_at) * 1000)::bigint


-- name: event_webhook_columns
-- Columns of an EventWebhook, in the order of its fields.
w.id::text, w.account_id::text, w.url, w.description, w.event_types, w.is_active, w.secret,
(extract(epoch FROM w.previous_until) * 1000)::bigint, w.generation, w.position,
(extract(epoch FROM w.failing_since) * 1000)::bigint, (extract(epoch FROM w.disabled_at) * 1000)::bigint, w.disabled_reason,
(extract(epoch FROM w.created_at) * 1000)::bigint, (extract(epoch FROM w.updated_at) * 1000)::bigint


-- name: account_lock
-- Lock the account's row, so that a check against a maximum is exact.
-- $1 uuid account
SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE


-- name: event_deliveries_page
-- A page of a webhook's deliveries, newest first, each row with its sort key in front.
-- $1 uuid webhook, $2 text status or null, $3 bigint and $4 uuid: time (µs) and id of the last row seen, or null, $5
-- limit
SELECT (extract(epoch FROM d.created_at) * 1000000)::bigint, {{columns}} FROM event_deliveries d
WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.status = $2)
  AND ($3::bigint IS NULL OR (d.created_at, d.id) < (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY d.created_at DESC, d.id DESC LIMIT $5


-- name: event_deliveries_replay
-- Requeue a webhook's failed deliveries since a time; returns how many.
-- $1 uuid webhook, $2 bigint since (ms)
WITH again AS (
  UPDATE event_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now()
  WHERE d.webhook_id = $1 AND d.status = 'failed' AND d.created_at >= to_timestamp($2 / 1000.0) RETURNING 1)
SELECT count(*) FROM again


-- name: event_delivery_get
-- One delivery with its payload.
-- $1 uuid webhook, $2 uuid delivery
SELECT d.payload, {{columns}} FROM event_deliveries d WHERE d.id = $2 AND d.webhook_id = $1


-- name: event_delivery_replay
-- Requeue a delivery, unless it is under way.
-- $1 uuid webhook, $2 uuid delivery
UPDATE event_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now(), delivered_at = NULL
WHERE d.id = $2 AND d.webhook_id = $1 AND d.status <> 'delivering' RETURNING {{columns}}


-- name: event_webhook_create
-- Create an event webhook, starting at the end of the account's feed. Returns no row if there is no such account.
-- $1 uuid, $2 uuid account, $3 text url, $4 text description, $5 text[] event types, $6 boolean active, $7 bytea secret
INSERT INTO event_webhooks AS w (id, account_id, url, description, event_types, is_active, secret, generation, position)
SELECT $1, f.account_id, $3, $4, $5, $6, $7, f.generation, f.position FROM account_feeds f WHERE f.account_id = $2
RETURNING {{columns}}


-- name: event_webhook_delete
-- Delete an event webhook and its deliveries.
-- $1 uuid
DELETE FROM event_webhooks WHERE id = $1 RETURNING url


-- name: event_webhook_get
-- One event webhook.
-- $1 uuid
SELECT {{columns}} FROM event_webhooks w WHERE w.id = $1


-- name: event_webhook_rotate
-- Replace a webhook's secret, unless it has changed since it was read.
-- $1 uuid, $2 bytea secret as read, $3 bytea new secret, $4 bigint until when the old one signs too (ms)
UPDATE event_webhooks w SET secret = $3, previous_until = to_timestamp($4 / 1000.0), updated_at = now()
WHERE w.id = $1 AND w.secret = $2 RETURNING {{columns}}


-- name: event_webhook_update
-- Change an event webhook. Null leaves a field as it is. Re-enabled, it starts at the end of the feed with a clean
-- record.
-- $1 uuid, $2 text url, $3 boolean whether to set the description, $4 text description, $5 text[] event types, $6
-- boolean active
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
-- The number of the account's event webhooks.
SELECT count(*) FROM event_webhooks


-- name: event_webhooks_page
-- A page of event webhooks, oldest first, each row with its sort key in front.
-- $1 bigint and $2 uuid: time (µs) and id of the last row seen, or null, $3 limit
SELECT (extract(epoch FROM w.created_at) * 1000000)::bigint, {{columns}} FROM event_webhooks w
WHERE $1::bigint IS NULL OR (w.created_at, w.id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY w.created_at, w.id LIMIT $3

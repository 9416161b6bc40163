-- The queue of event webhook deliveries: filled from account feeds, claimed, settled, trimmed
-- (delivery/event_queue.py).


-- name: event_claim
-- Claim due deliveries of locked webhooks, in feed order. A failing webhook gets one attempt at a time, so that its
-- time-outs do not take capacity from healthy ones.
-- $1 uuid[] webhooks, $2 integer claims per healthy webhook, $3 integer limit, $4 float seconds to hold them
WITH due AS (
  SELECT d.id, row_number() OVER (ORDER BY d.place) AS place
  FROM event_webhooks w CROSS JOIN LATERAL (
    SELECT q.id, row_number() OVER (ORDER BY q.next_attempt_at, q.id) AS place FROM event_deliveries q
    WHERE q.webhook_id = w.id AND q.status = 'pending' AND q.next_attempt_at <= now()
    ORDER BY q.next_attempt_at, q.id
    LIMIT greatest(0, CASE WHEN w.failing_since IS NULL THEN $2 ELSE 1 END
                      - (SELECT count(*) FROM event_deliveries u WHERE u.webhook_id = w.id AND u.status = 'delivering'))
  ) AS d
  WHERE w.id = ANY ($1::uuid[])
  ORDER BY d.place LIMIT $3),
claimed AS (
  UPDATE event_deliveries d SET status = 'delivering', attempts = d.attempts + 1, next_attempt_at = NULL,
    claimed_until = now() + make_interval(secs => $4)
  FROM due WHERE d.id = due.id AND d.status = 'pending'
  RETURNING due.place, d.id, d.webhook_id, d.event_id, d.payload, d.attempts)
SELECT c.id::text, c.event_id, c.payload, c.attempts, {{columns}}
FROM claimed c JOIN event_webhooks w ON w.id = c.webhook_id ORDER BY c.place


-- name: event_claim_lock
-- Lock active webhooks that have due deliveries. The order is random, so that none starves.
-- $1 integer limit
SELECT w.id FROM event_webhooks w
WHERE w.is_active AND EXISTS (
  SELECT FROM event_deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.next_attempt_at <= now())
ORDER BY random() LIMIT $1
FOR NO KEY UPDATE OF w SKIP LOCKED


-- name: event_claims_return
-- Requeue deliveries whose claim has expired: their process is gone, or was too slow.
UPDATE event_deliveries SET status = 'pending', claimed_until = NULL, next_attempt_at = now()
WHERE id IN (SELECT id FROM event_deliveries WHERE status = 'delivering' AND claimed_until < now()
             ORDER BY claimed_until LIMIT 1000 FOR UPDATE SKIP LOCKED)


-- name: event_finish
-- Record the outcome of an attempt, unless the claim was lost. Locks the webhook's row first, like every statement that
-- changes both: deleting a webhook locks them in the same order.
-- $1 uuid delivery, $2 integer attempt, $3 text status, $4 float seconds to the next attempt or null, $5 integer
-- response status, $6 text excerpt, $7 text error, $8 integer duration (ms), $9 uuid webhook
WITH held AS (SELECT id FROM event_webhooks WHERE id = $9 FOR KEY SHARE)
UPDATE event_deliveries d SET status = $3, claimed_until = NULL, next_attempt_at = now() + make_interval(secs => $4::float8),
  response_status = $5, response_excerpt = $6, error = $7, duration_ms = $8,
  delivered_at = CASE WHEN $3 = 'delivered' THEN now() END
FROM held WHERE d.id = $1 AND d.webhook_id = held.id AND d.attempts = $2 AND d.status = 'delivering' RETURNING d.webhook_id


-- name: event_pump_insert
-- Add deliveries of new events, in feed order. Ones that exist already are left alone.
-- $1 uuid account, $2 uuid webhook, $3 uuid[] ids, $4 text[] event ids, $5 text[] types, $6 uuid[] conversations, $7
-- bytea[] payloads
INSERT INTO event_deliveries (id, account_id, webhook_id, event_id, event_type, conversation_id, payload, next_attempt_at,
  created_at)
SELECT n.id, $1, $2, n.event_id, n.type, n.conversation_id, n.payload, statement_timestamp(), statement_timestamp()
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::bytea[]) AS n (id, event_id, type, conversation_id, payload)
ON CONFLICT ON CONSTRAINT event_deliveries_once DO NOTHING


-- name: event_pump_lock
-- Lock webhooks that are behind their account's feed, longest waiting first. A webhook with too many pending deliveries
-- is skipped until some settle; the feed keeps its events. Rows that another process holds are skipped.
-- $1 integer limit, $2 integer pending deliveries at which a webhook is full
SELECT w.id::text, w.account_id::text, w.event_types, least(w.position, f.position), f.generation, f.position
FROM event_webhooks w JOIN account_feeds f ON f.account_id = w.account_id
WHERE w.is_active AND (w.position < f.position OR w.generation <> f.generation)
  AND (SELECT count(*) FROM (SELECT FROM event_deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending' LIMIT $2) AS p)
    < $2
ORDER BY w.pumped_at LIMIT $1
FOR NO KEY UPDATE OF w SKIP LOCKED


-- name: event_pump_move
-- Advance a webhook's position in its account's feed.
-- $1 uuid webhook, $2 bigint position, $3 text generation
UPDATE event_webhooks SET position = $2, generation = $3, pumped_at = clock_timestamp() WHERE id = $1


-- name: event_trim
-- Delete settled deliveries that are too old or beyond the number kept per webhook.
-- $1 float days, $2 integer deliveries per webhook, $3 integer webhooks per call, most recently pumped first
WITH over AS (
  SELECT x.id FROM (SELECT id FROM event_webhooks ORDER BY pumped_at DESC LIMIT $3) AS w
  CROSS JOIN LATERAL (
    SELECT y.created_at FROM (
      (SELECT created_at FROM event_deliveries WHERE webhook_id = w.id ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT 1)
      UNION ALL SELECT now() - make_interval(secs => $1 * 86400)) AS y
    ORDER BY y.created_at DESC LIMIT 1) AS edge
  CROSS JOIN LATERAL (
    SELECT d.id FROM event_deliveries d WHERE d.webhook_id = w.id AND d.created_at <= edge.created_at
      AND d.status IN ('delivered', 'failed')
    ORDER BY d.created_at LIMIT 10000) AS x
  LIMIT 20000),
gone AS (DELETE FROM event_deliveries WHERE id IN (SELECT id FROM over) RETURNING 1)
SELECT count(*) FROM gone


-- name: event_webhook_failed
-- Note that a webhook failed. Disables it if it is gone or has been failing for too long, and returns the account and
-- the reason.
-- $1 uuid webhook, $2 boolean gone, $3 float seconds of uninterrupted failure after which it is disabled
UPDATE event_webhooks w SET failing_since = coalesce(w.failing_since, now()),
  is_active = NOT v.over, disabled_at = CASE WHEN v.over THEN now() END,
  disabled_reason = CASE WHEN v.over THEN CASE WHEN $2 THEN 'gone' ELSE 'failing' END END
FROM (SELECT id, $2 OR coalesce(failing_since < now() - make_interval(secs => $3), false) AS over FROM event_webhooks
      WHERE id = $1 FOR NO KEY UPDATE) AS v
WHERE w.id = v.id AND w.is_active RETURNING w.account_id::text, w.disabled_reason


-- name: event_webhook_give_up
-- Fail what is pending for a disabled webhook. It can be replayed.
-- $1 uuid webhook, $2 text error
UPDATE event_deliveries SET status = 'failed', next_attempt_at = NULL, error = coalesce(error, $2)
WHERE webhook_id = $1 AND status = 'pending'


-- name: event_webhook_succeeded
-- A webhook's receiver answers again. If it had been failing for long, its pending deliveries become due at once; a
-- single delivery that fails among successes keeps its delay.
-- $1 uuid webhook, $2 float seconds of failing from which this applies
WITH well AS (
  UPDATE event_webhooks w SET failing_since = NULL FROM event_webhooks b
  WHERE w.id = $1 AND b.id = w.id AND w.failing_since IS NOT NULL
  RETURNING b.failing_since < now() - make_interval(secs => $2) AS long)
UPDATE event_deliveries d SET next_attempt_at = now()
FROM well WHERE well.long AND d.webhook_id = $1 AND d.status = 'pending' AND d.next_attempt_at > now()

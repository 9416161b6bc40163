-- What came of an attempt, unless its claim is lost. Without a next attempt it is delivered or has failed.
-- The webhook's row is held first, as all do who change both: deleting one goes from it to its deliveries.
-- $1 uuid, $2 integer the attempt, $3 text status, $4 float seconds to the next attempt or null, $5 integer response status,
-- $6 text excerpt, $7 text error, $8 integer duration in ms, $9 uuid webhook
WITH held AS (SELECT id FROM event_webhooks WHERE id = $9 FOR KEY SHARE)
UPDATE event_deliveries d SET status = $3, claimed_until = NULL, next_attempt_at = now() + make_interval(secs => $4::float8),
  response_status = $5, response_excerpt = $6, error = $7, duration_ms = $8,
  delivered_at = CASE WHEN $3 = 'delivered' THEN now() END
FROM held WHERE d.id = $1 AND d.webhook_id = held.id AND d.attempts = $2 AND d.status = 'delivering' RETURNING d.webhook_id

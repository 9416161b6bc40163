-- What came of an attempt, unless its claim is lost. Without a next attempt it is delivered or has failed.
-- $1 uuid, $2 integer the attempt, $3 text status, $4 float seconds to the next attempt or null, $5 integer response status,
-- $6 text excerpt, $7 text error, $8 integer duration in ms
UPDATE event_deliveries SET status = $3, claimed_until = NULL, next_attempt_at = now() + make_interval(secs => $4::float8),
  response_status = $5, response_excerpt = $6, error = $7, duration_ms = $8,
  delivered_at = CASE WHEN $3 = 'delivered' THEN now() END
WHERE id = $1 AND attempts = $2 AND status = 'delivering' RETURNING webhook_id

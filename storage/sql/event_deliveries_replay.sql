-- Queue again what failed of a webhook's events since a time; returns how many.
-- $1 uuid webhook, $2 bigint ms
WITH again AS (
  UPDATE event_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now()
  WHERE d.webhook_id = $1 AND d.status = 'failed' AND d.created_at >= to_timestamp($2 / 1000.0) RETURNING 1)
SELECT count(*) FROM again

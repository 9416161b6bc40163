-- A webhook's receiver answers again: what waits for it after a failure need wait no longer.
-- $1 uuid, $2 float: seconds of failing after which that is so. What fails alone, while others succeed, keeps its waits.
WITH well AS (
  UPDATE event_webhooks w SET failing_since = NULL FROM event_webhooks b
  WHERE w.id = $1 AND b.id = w.id AND w.failing_since IS NOT NULL
  RETURNING b.failing_since < now() - make_interval(secs => $2) AS long)
UPDATE event_deliveries d SET next_attempt_at = now()
FROM well WHERE well.long AND d.webhook_id = $1 AND d.status = 'pending' AND d.next_attempt_at > now()

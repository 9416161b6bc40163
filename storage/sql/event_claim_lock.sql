-- Active webhooks with something due, locked for whoever claims; in any order, so that none waits for ever.
-- $1 integer: how many
SELECT w.id FROM event_webhooks w
WHERE w.is_active AND EXISTS (
  SELECT FROM event_deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending' AND d.next_attempt_at <= now())
ORDER BY random() LIMIT $1
FOR NO KEY UPDATE OF w SKIP LOCKED

-- Queue a delivery again, unless it is under way.
-- $1 uuid webhook, $2 uuid
UPDATE event_deliveries d SET status = 'pending', attempts = 0, next_attempt_at = now(), delivered_at = NULL
WHERE d.id = $2 AND d.webhook_id = $1 AND d.status <> 'delivering' RETURNING {{columns}}

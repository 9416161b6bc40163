-- What waits for a webhook that was switched off has failed; it can be replayed.
-- $1 uuid, $2 text error
UPDATE event_deliveries SET status = 'failed', next_attempt_at = NULL, error = coalesce(error, $2)
WHERE webhook_id = $1 AND status = 'pending'

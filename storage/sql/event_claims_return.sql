-- Deliveries whose claim has run out: the process that held them is gone, or was too slow.
UPDATE event_deliveries SET status = 'pending', claimed_until = NULL, next_attempt_at = now()
WHERE id IN (SELECT id FROM event_deliveries WHERE status = 'delivering' AND claimed_until < now()
             ORDER BY claimed_until LIMIT 1000 FOR UPDATE SKIP LOCKED)

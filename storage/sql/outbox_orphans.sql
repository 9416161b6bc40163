-- Queue again what dispatchers had under way that are gone: whether it was sent, nobody knows.
UPDATE outbox SET status = 'queued', claimed_by = NULL, uncertain = uncertain + 1, next_attempt_at = now(), updated_at = now(),
  error = '{"code": "outcome_unknown", "detail": "the dispatcher ended while it was sending this"}'
WHERE status = 'sending' AND claimed_by NOT IN (SELECT incarnation FROM dispatchers)

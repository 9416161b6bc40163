-- Take files that are due, for the length of a lease; whoever comes meanwhile passes over them.
-- $1 integer how many, $2 double precision seconds
UPDATE attachments SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $2)
WHERE id IN (
  SELECT id FROM attachments WHERE status = 'pending' AND source IS NOT NULL AND next_attempt_at <= now()
  ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING attempts, source::text, {{columns}}

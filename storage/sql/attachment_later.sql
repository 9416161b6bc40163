-- A fetch that failed: another try after some seconds, or (null) none.
-- $1 uuid, $2 integer attempt, $3 text reason, $4 double precision seconds
UPDATE attachments SET error = $3, digest = NULL, status = CASE WHEN $4::float8 IS NULL THEN 'failed' ELSE status END,
  source = CASE WHEN $4::float8 IS NULL THEN NULL ELSE source END, next_attempt_at = now() + make_interval(secs => $4)
WHERE id = $1 AND attempts = $2 AND status = 'pending'

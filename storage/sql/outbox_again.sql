-- Queue a message again, for later. A row comes back where the claim still stood.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 float8 seconds, $5 jsonb error as text, $6 boolean: whether
-- the provider may have taken it
UPDATE outbox SET status = 'queued', claimed_by = NULL, next_attempt_at = now() + make_interval(secs => $4),
  error = $5::text::jsonb, uncertain = uncertain + $6::boolean::integer, lost_answers = lost_answers + $6::boolean::integer,
  updated_at = now()
WHERE conversation_id = $2 AND seq = $3 AND status = 'sending' AND claimed_by = $1 RETURNING 1

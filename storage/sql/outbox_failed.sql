-- A message has failed for good; the conversation's next one becomes due.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 jsonb error as text, $5 boolean: whether the provider may
-- have taken it
WITH failed AS (
  UPDATE outbox SET status = 'failed', claimed_by = NULL, error = $4::text::jsonb, updated_at = now(),
    uncertain = uncertain + $5::boolean::integer, lost_answers = lost_answers + $5::boolean::integer
  WHERE conversation_id = $2 AND seq = $3 AND status = 'sending' AND claimed_by = $1 RETURNING *),
next AS (
  UPDATE outbox n SET next_attempt_at = now() FROM failed f
  WHERE n.conversation_id = f.conversation_id AND n.status = 'queued' AND n.seq = (
    SELECT min(w.seq) FROM outbox w WHERE w.conversation_id = $2 AND w.status = 'queued'))
SELECT {{columns}} FROM failed o

-- Queue a failed delivery again, as if new. What was sent whole is sent whole again, and what providers still say of the
-- first sending means nothing any more; else the next try goes on behind the parts that were taken.
-- $1 uuid message
WITH meant AS (SELECT conversation_id, seq, sent_at FROM outbox WHERE message_id = $1 AND status = 'failed' FOR UPDATE),
forgotten AS (
  DELETE FROM outbox_ids i USING meant m
  WHERE i.conversation_id = m.conversation_id AND i.seq = m.seq AND m.sent_at IS NOT NULL)
UPDATE outbox o SET status = 'queued', error = NULL, attempts = 0, uncertain = 0, lost_answers = 0, sent_at = NULL,
  parts_done = CASE WHEN m.sent_at IS NULL THEN o.parts_done ELSE 0 END, next_attempt_at = now(), queued_at = now(),
  updated_at = now()
FROM meant m WHERE o.conversation_id = m.conversation_id AND o.seq = m.seq
RETURNING o.message_id::text

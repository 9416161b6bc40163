-- What an incarnation has claimed.
-- $1 uuid
SELECT conversation_id::text, seq, attempts FROM outbox WHERE status = 'sending' AND claimed_by = $1

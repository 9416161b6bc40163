-- A part was taken by the provider, and others follow. A row comes back where the claim still stands.
-- $1 uuid incarnation, $2 uuid conversation, $3 integer seq, $4 integer part, $5 text provider id or null
WITH held AS (
  UPDATE outbox SET parts_done = $4 + 1, updated_at = now()
  WHERE conversation_id = $2 AND seq = $3 AND status = 'sending' AND claimed_by = $1 RETURNING *),
known AS (
  INSERT INTO outbox_ids (channel_id, provider_id, account_id, conversation_id, seq, part)
  SELECT channel_id, $5::text, account_id, conversation_id, seq, $4 FROM held WHERE $5::text IS NOT NULL
  ON CONFLICT DO NOTHING)
SELECT 1 FROM held

-- Providers' message ids (they can hold telephone numbers) of erased conversations, and the contacts themselves.
-- What still waited to be sent to them has failed; a provider's reason can repeat their number.
-- $1 uuid[] conversations, $2 uuid[] contacts
WITH ids AS (DELETE FROM provider_messages WHERE conversation_id = ANY ($1::uuid[])),
sent_ids AS (DELETE FROM outbox_ids WHERE conversation_id = ANY ($1::uuid[])),
unsent AS (
  UPDATE outbox SET status = CASE WHEN status IN ('queued', 'sending') THEN 'failed' ELSE status END, updated_at = now(),
    error = CASE WHEN status IN ('queued', 'sending') THEN '{"code": "erased", "detail": "the customer was erased"}'::jsonb
                 ELSE error - 'detail' || '{"detail": ""}' END
  WHERE conversation_id = ANY ($1::uuid[]))
DELETE FROM contacts WHERE id = ANY ($2::uuid[])

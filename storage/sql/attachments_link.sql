-- The conversation that attachments belong to; the first one counts.
-- $1 uuid conversation, $2 uuid[] attachments
UPDATE attachments SET conversation_id = $1 WHERE id = ANY ($2::uuid[]) AND conversation_id IS NULL

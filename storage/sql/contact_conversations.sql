-- Ids of contacts' conversations, oldest first, but for those erased already.
-- $1 uuid account, $2 uuid[] contacts, $3 text channel type and $4 text identifier, or null
SELECT id::text FROM conversations
WHERE account_id = $1 AND contact_id = ANY ($2::uuid[]) AND contact_identifier <> ''
  AND ($3::text IS NULL OR (channel_type = $3 AND contact_identifier = $4))
ORDER BY id

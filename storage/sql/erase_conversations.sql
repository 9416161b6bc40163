-- The conversations of contacts that are being erased, locked; and whether each has been erased by command.
-- $1 uuid account, $2 uuid[] contacts
SELECT c.id::text, EXISTS (SELECT FROM entries e WHERE e.conversation_id = c.id AND e.kind = 'erased')
FROM conversations c WHERE c.account_id = $1 AND c.contact_id = ANY ($2::uuid[]) ORDER BY c.id FOR UPDATE

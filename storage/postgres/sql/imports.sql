-- Conversations imported from another service (conversations/imports.py).


-- name: imports_known
-- What an import has stored of some conversations of the source. `found`: how many of the messages are there now, null if the
-- conversation is gone.
-- $1 uuid account, $2 text source, $3 bytea[] keys
SELECT i.source_key, i.messages, i.set_aside, CASE WHEN c.id IS NOT NULL THEN (
    SELECT count(*) FROM entries e WHERE e.conversation_id = c.id AND e.kind = 'message'
      AND e.actor_type = 'system' AND e.actor_id = 'import') END AS found
FROM imported_conversations i LEFT JOIN conversations c ON c.id = i.conversation_id
WHERE i.account_id = $1 AND i.source = $2 AND i.source_key = ANY ($3::bytea[])


-- name: imports_note
-- Note what has been stored.
-- $1 uuid account, $2 text source, $3 bytea[] keys, $4 uuid[] conversations, $5 integer[] messages, $6 integer[] set aside
INSERT INTO imported_conversations (account_id, source, source_key, conversation_id, messages, set_aside)
SELECT $1, $2, * FROM unnest($3::bytea[], $4::uuid[], $5::integer[], $6::integer[])


-- name: imports_contacts
-- The contacts of identifiers, with their names.
-- $1 uuid account, $2 text channel type, $3 text[] identifiers
SELECT i.identifier, i.contact_id::text, coalesce(k.name, i.display_name)
FROM contact_identifiers i JOIN contacts k ON k.id = i.contact_id
WHERE i.account_id = $1 AND i.channel_type = $2 AND i.identifier = ANY ($3::text[])


-- name: imports_live
-- Those of the identifiers that have a live conversation on the channel.
-- $1 uuid account, $2 uuid channel, $3 text[] identifiers
SELECT c.contact_identifier FROM conversations c
WHERE c.account_id = $1 AND c.channel_id = $2 AND c.contact_identifier = ANY ($3::text[]) AND c.topic = ''
  AND c.status IN ('open', 'bot', 'assigned', 'pending')


-- name: imports_external
-- Those of the providers' message ids that a channel has already.
-- $1 uuid channel, $2 text[] ids
SELECT p.external_id FROM provider_messages p WHERE p.channel_id = $1 AND p.external_id = ANY ($2::text[])


-- name: imports_sessions
-- Those of the session ids that the account has already.
-- $1 uuid account, $2 text[] ids
SELECT s.session_id FROM conversation_sessions s WHERE s.account_id = $1 AND s.session_id = ANY ($2::text[])


-- name: imports_add_sessions
-- Give conversations the session ids they had.
-- $1 uuid account, $2 text[] sessions, $3 uuid[] conversations, $4 text[] bots, $5 text[] outlets
INSERT INTO conversation_sessions (account_id, session_id, conversation_id, bot_id, local_id)
SELECT $1, * FROM unnest($2::text[], $3::uuid[], $4::text[], $5::text[])


-- name: imports_epochs
-- The present epochs of partitions, which stay as they are until the transaction ends.
-- $1 integer[] partitions
SELECT p.id, p.epoch FROM partitions p WHERE p.id = ANY ($1::integer[]) ORDER BY p.id FOR SHARE

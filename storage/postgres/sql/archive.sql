-- What a conversation host reads to activate actors and to recognise repeated commands (conversations/archive.py).


-- name: find_keys
-- Entries of commands whose keys are repeated.
-- $1 uuid[] conversations, $2 text[] keys
SELECT e.command_key, {{columns}} FROM unnest($1::uuid[], $2::text[]) AS w (id, key)
JOIN entries e ON e.conversation_id = w.id AND e.command_key = w.key


-- name: find_provider_ids
-- Entries of messages whose provider ids are repeated.
-- $1 uuid[] channels, $2 text[] provider ids
SELECT m.channel_id::text, m.external_id, {{columns}} FROM unnest($1::uuid[], $2::text[]) AS w (channel, external)
JOIN provider_messages m ON m.channel_id = w.channel AND m.external_id = w.external
JOIN entries e ON e.conversation_id = m.conversation_id AND e.seq = m.seq


-- name: find_thread_keys
-- Entries of commands whose keys are repeated, among the newest conversations of each thread key.
-- $1 uuid[] accounts, $2 uuid[] channels, $3 text[] identifiers, $4 text[] topics, $5 text[] keys, $6 integer
-- conversations per thread
SELECT w.ord, {{columns}}
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
  WITH ORDINALITY AS w (account, channel, identifier, topic, key, ord)
CROSS JOIN LATERAL (
  SELECT c.id FROM conversations c
  WHERE c.account_id = w.account AND c.channel_id = w.channel AND c.contact_identifier = w.identifier
    AND c.topic = w.topic ORDER BY c.id DESC LIMIT $6) AS c
JOIN entries e ON e.conversation_id = c.id AND e.command_key = w.key
ORDER BY e.conversation_id DESC


-- name: load_recent
-- The newest messages of each conversation, oldest first, for activation.
-- $1 uuid[] conversations, $2 integer messages per conversation
SELECT e.* FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (
  SELECT {{columns}} FROM entries e
  WHERE e.conversation_id = w.id AND e.kind = 'message' ORDER BY e.seq DESC LIMIT $2) AS e
ORDER BY 2, 3


-- name: load_threads
-- What a host must know of each thread key, in any order (the function in schema.sql).
-- $1 uuid[] accounts, $2 uuid[] channels, $3 text[] channel types, $4 text[] identifiers, $5 text[] topics, $6 integer
-- resolved conversations per thread
SELECT ord, has_account, contact_id, name, live, resolved, unused FROM load_threads($1, $2, $3, $4, $5, $6)

-- Session ids of conversations (conversations/sessions.py).


-- name: session_columns
-- Columns of a Session, in the order of its fields.
s.session_id, s.conversation_id::text, s.bot_id, s.local_id


-- name: session_fill
-- Add the bot and the outlet that a session does not have yet.
-- $1 uuid account, $2 uuid conversation, $3 text bot, $4 text outlet
UPDATE conversation_sessions SET bot_id = coalesce(bot_id, $3::text), local_id = coalesce(local_id, $4::text)
WHERE account_id = $1 AND conversation_id = $2 AND (bot_id IS NULL AND $3::text IS NOT NULL OR local_id IS NULL AND $4::text IS NOT NULL)


-- name: session_find
-- A session by its id.
-- $1 uuid account, $2 text session
SELECT {{columns}} FROM conversation_sessions s WHERE s.account_id = $1 AND s.session_id = $2


-- name: session_insert
-- Give a conversation a session, unless it has one or the id is taken.
-- $1 uuid account, $2 text session, $3 uuid conversation, $4 text bot, $5 text outlet
INSERT INTO conversation_sessions (account_id, session_id, conversation_id, bot_id, local_id)
SELECT $1, $2, c.id, $4, $5 FROM conversations c WHERE c.account_id = $1 AND c.id = $3
ON CONFLICT DO NOTHING


-- name: session_live
-- The live WhatsApp conversation of a phone number that something happened in last.
-- $1 uuid account, $2 text[] spellings of the number
SELECT {{columns}} FROM contact_identifiers i JOIN conversations c ON c.account_id = i.account_id AND c.contact_id = i.contact_id
WHERE i.account_id = $1 AND i.channel_type = 'whatsapp' AND i.identifier = ANY ($2::text[])
  AND c.channel_type = 'whatsapp' AND c.status IN ('open', 'bot', 'assigned', 'pending')
ORDER BY c.updated_at DESC, c.id DESC LIMIT 1


-- name: session_of
-- A conversation's session.
-- $1 uuid account, $2 uuid conversation
SELECT {{columns}} FROM conversation_sessions s WHERE s.account_id = $1 AND s.conversation_id = $2

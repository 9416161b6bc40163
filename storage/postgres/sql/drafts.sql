-- Drafts of agents (conversations/drafts.py).


-- name: draft_columns
-- Columns of a Draft, in the order of its fields.
d.conversation_id::text, d.user_id, a.name, d.content, d.is_private, (extract(epoch FROM d.updated_at) * 1000)::bigint


-- name: draft_count
-- How many drafts an agent has in other conversations.
-- $1 uuid account, $2 text agent, $3 uuid conversation
SELECT count(*) FROM drafts WHERE account_id = $1 AND user_id = $2 AND conversation_id <> $3


-- name: draft_delete
-- Delete an agent's draft.
-- $1 uuid conversation, $2 text agent
DELETE FROM drafts WHERE conversation_id = $1 AND user_id = $2 RETURNING true


-- name: draft_put
-- Keep an agent's draft in a conversation that is not closed for good. No row if it is.
-- $1 uuid account, $2 uuid conversation, $3 text agent, $4 text content, $5 boolean private
WITH d AS (
  INSERT INTO drafts (account_id, conversation_id, user_id, content, is_private)
  SELECT $1, c.id, $3, $4, $5 FROM conversations c WHERE c.id = $2 AND c.status NOT IN ('closed', 'expired')
  ON CONFLICT (conversation_id, user_id) DO UPDATE
    SET content = excluded.content, is_private = excluded.is_private, updated_at = now()
  RETURNING *)
SELECT {{columns}} FROM d LEFT JOIN agents a ON a.account_id = d.account_id AND a.user_id = d.user_id


-- name: drafts_of
-- The drafts of a conversation, the newest first.
-- $1 uuid conversation, $2 limit
SELECT {{columns}} FROM drafts d LEFT JOIN agents a ON a.account_id = d.account_id AND a.user_id = d.user_id
WHERE d.conversation_id = $1 ORDER BY d.updated_at DESC, d.user_id LIMIT $2

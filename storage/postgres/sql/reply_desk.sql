-- The reply desk's lists and figures (assistance/reply_desk.py): conversations on e-mail channels.


-- name: desk_filter
-- Which conversations a list of the reply desk shows.
-- $1 uuid account, $2 boolean archived or null, $3 uuid contact or null, $4 text inbox_filter with searches as JSON, or null
FROM conversations c WHERE c.account_id = $1 AND c.channel_type = 'email' AND c.contact_identifier <> ''
  AND ($2::boolean IS NULL OR (c.archived_at IS NOT NULL) = $2) AND ($3::uuid IS NULL OR c.contact_id = $3)
  AND ($4::text IS NULL OR c.id = ANY ((SELECT desk_search($4))::uuid[]))


-- name: desk_count
-- How many conversations a list of the reply desk has. Parameters: desk_filter.
SELECT count(*) {{filter}}


-- name: desk_page
-- A page of the reply desk's list, and whether each has a pending suggestion. Parameters: desk_filter, $5 boolean by creation,
-- $6 boolean ascending, $7 integer limit, $8 integer offset
SELECT EXISTS (SELECT FROM suggestions s WHERE s.conversation_id = c.id AND s.status = 'pending'),
  (SELECT count(*) FROM entries e WHERE e.conversation_id = c.id AND e.kind = 'message'
     AND coalesce((e.data ->> 'is_private')::boolean, false) = false), {{columns}} {{filter}}
ORDER BY CASE WHEN $6 THEN CASE WHEN $5 THEN c.created_at ELSE coalesce(c.last_message_at, c.created_at) END END ASC,
  CASE WHEN NOT $6 THEN CASE WHEN $5 THEN c.created_at ELSE coalesce(c.last_message_at, c.created_at) END END DESC, c.id
LIMIT $7 OFFSET $8


-- name: desk_figures
-- Conversations, mails of the last seven days, suggestions and opened mails of an account.
-- $1 uuid account
WITH mails AS (SELECT * FROM conversations c WHERE c.account_id = $1 AND c.channel_type = 'email'),
week AS (
  SELECT e.data ->> 'sender_type' AS sender, e.conversation_id FROM mails c JOIN entries e ON e.conversation_id = c.id
  WHERE c.last_message_at > now() - interval '7 days' AND e.kind = 'message' AND e.at > now() - interval '7 days'
    AND coalesce((e.data ->> 'is_private')::boolean, false) = false),
sent AS (SELECT o.status, o.clicked_at FROM mails c JOIN outbox o ON o.conversation_id = c.id),
drafts AS (SELECT s.status, s.confidence FROM mails c JOIN suggestions s ON s.conversation_id = c.id)
SELECT (SELECT count(*) FROM mails), (SELECT count(*) FROM mails WHERE archived_at IS NULL),
  (SELECT count(*) FROM mails WHERE archived_at IS NOT NULL), (SELECT count(*) FROM week WHERE sender <> 'contact'),
  (SELECT count(*) FROM week WHERE sender = 'contact'),
  (SELECT count(DISTINCT conversation_id) FROM week WHERE sender = 'contact'),
  (SELECT count(DISTINCT w.conversation_id) FROM week w WHERE w.sender <> 'contact' AND EXISTS (
     SELECT FROM week r WHERE r.conversation_id = w.conversation_id AND r.sender = 'contact')),
  (SELECT count(*) FROM drafts), (SELECT count(*) FROM drafts WHERE status IN ('approved', 'edited')),
  (SELECT count(*) FROM drafts WHERE status = 'rejected'), (SELECT avg(confidence) FROM drafts),
  (SELECT count(*) FROM sent WHERE status IN ('sent', 'delivered', 'read')),
  (SELECT count(*) FROM sent WHERE status IN ('delivered', 'read')), (SELECT count(*) FROM sent WHERE status = 'read'),
  (SELECT count(*) FROM sent WHERE clicked_at IS NOT NULL)


-- name: delivery_give_up
-- Fail a message whose first attempt has failed, so that nothing sends it again by itself.
-- $1 uuid message
UPDATE outbox o SET status = 'failed', updated_at = now()
WHERE o.message_id = $1 AND o.status = 'queued' AND o.attempts > 0 AND o.error IS NOT NULL RETURNING true

-- Conversations and their histories, as clients read them (conversations/conversations.py).


-- name: conversation_account
-- A conversation's account, across accounts.
-- $1 uuid conversation
SELECT account_id::text FROM conversations WHERE id = $1


-- name: conversation_columns
-- Columns of a Conversation, in the order of its fields; rows.py decodes them.
c.id::text, c.account_id::text, c.channel_id::text, c.channel_type, c.contact_id::text, c.contact_identifier,
(extract(epoch FROM c.created_at) * 1000)::bigint, (extract(epoch FROM c.updated_at) * 1000)::bigint,
(extract(epoch FROM c.waiting_since) * 1000)::bigint, c.topic, c.contact_name, c.outlet_id::text, c.status, c.priority,
c.subject, c.labels::text, c.assignee_id, c.team_id::text, c.handoff_requested, c.handoff_reason, c.bot_context::text,
c.metadata::text, c.seq, c.unread_count, (extract(epoch FROM c.first_reply_at) * 1000)::bigint,
(extract(epoch FROM c.last_message_at) * 1000)::bigint, c.last_message_preview,
(extract(epoch FROM c.snoozed_until) * 1000)::bigint, (extract(epoch FROM c.resolved_at) * 1000)::bigint,
(extract(epoch FROM c.archived_at) * 1000)::bigint, c.csat_due,
(extract(epoch FROM c.unanswered_since) * 1000)::bigint, (extract(epoch FROM c.timer_at) * 1000)::bigint,
c.fired::text, c.routing::text


-- name: conversation_threads
-- The channel and the customer of each of these conversations that is visible to the caller.
-- $1 uuid[] conversations
SELECT id::text, channel_id::text, contact_identifier FROM conversations WHERE id = ANY ($1::uuid[])


-- name: conversations_of_thread
-- A customer's conversations in a channel, newest first.
-- $1 uuid account, $2 uuid channel, $3 text identifier
SELECT id::text FROM conversations WHERE account_id = $1 AND channel_id = $2 AND contact_identifier = $3
ORDER BY id DESC LIMIT 50


-- name: conversations_with_bots
-- Live conversations that no human holds or was asked for, newest first. An id begins with the time of its opening.
-- $1 uuid account, $2 uuid outlet or null, $3 limit
SELECT {{columns}} FROM conversations c
WHERE c.account_id = $1 AND c.status IN ('open', 'bot') AND NOT c.handoff_requested
  AND ($2::uuid IS NULL OR c.outlet_id = $2)
ORDER BY c.id DESC LIMIT $3


-- name: entries_after
-- A conversation's entries after a seq. Entry 0, the opening, is left out.
-- $1 uuid conversation, $2 integer after, $3 limit
SELECT {{columns}} FROM entries e WHERE e.conversation_id = $1 AND e.seq > greatest($2, 0) ORDER BY e.seq LIMIT $3


-- name: messages_after
-- The first messages after a seq, oldest first.
-- $1 uuid[] conversations, $2 integer before (null here; shares its parameters with messages_before), $3 integer after,
-- $4 limit, $5 boolean whether to leave out private notes
SELECT {{columns}} FROM entries e
WHERE e.conversation_id = ANY ($1::uuid[]) AND e.kind = 'message' AND ($2::integer IS NULL OR e.seq < $2)
  AND e.seq > $3 AND NOT ($5 AND coalesce((e.data ->> 'is_private')::boolean, false))
ORDER BY e.conversation_id, e.seq LIMIT $4


-- name: messages_before
-- The newest messages, or the newest before a seq, returned oldest first.
-- $1 uuid[] conversations, $2 integer before or null, $3 integer after or null, $4 limit, $5 boolean whether to leave
-- out private notes
SELECT * FROM (
  SELECT {{columns}} FROM entries e
  WHERE e.conversation_id = ANY ($1::uuid[]) AND e.kind = 'message' AND ($2::integer IS NULL OR e.seq < $2)
    AND ($3::integer IS NULL OR e.seq > $3) AND NOT ($5 AND coalesce((e.data ->> 'is_private')::boolean, false))
  ORDER BY e.conversation_id DESC, e.seq DESC LIMIT $4) AS newest
ORDER BY 2, 3

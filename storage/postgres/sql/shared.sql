-- Column lists and queries that more than one store uses.


-- name: delivery_columns
-- Columns of a Delivery, in front its sort key in µs. 'sending' is shown as 'queued'.
(extract(epoch FROM o.created_at) * 1000000)::bigint, o.message_id::text, o.account_id::text, o.channel_id::text,
o.conversation_id::text, o.seq, replace(o.status, 'sending', 'queued'), o.attempts, (
  SELECT i.provider_id FROM outbox_ids i WHERE i.conversation_id = o.conversation_id AND i.seq = o.seq
  ORDER BY i.part LIMIT 1),
o.error::text, CASE WHEN o.status = 'queued' THEN (extract(epoch FROM o.next_attempt_at) * 1000)::bigint END,
(extract(epoch FROM o.created_at) * 1000)::bigint, (extract(epoch FROM o.updated_at) * 1000)::bigint


-- name: entry_columns
-- Columns of an Entry as it was committed; rows.py decodes them.
e.account_id::text, e.conversation_id::text, e.seq, (extract(epoch FROM e.at) * 1000)::bigint, e.actor_type, e.actor_id,
e.data::text, e.position


-- name: shown_columns
-- Columns of an Entry as clients see it: a message with its present delivery status, error and provider id.
e.account_id::text, e.conversation_id::text, e.seq, (extract(epoch FROM e.at) * 1000)::bigint, e.actor_type, e.actor_id,
coalesce((
  SELECT e.data || jsonb_build_object('delivery_status', replace(o.status, 'sending', 'queued'), 'delivery_error', o.error,
    'external_id', (SELECT i.provider_id FROM outbox_ids i WHERE i.conversation_id = o.conversation_id AND i.seq = o.seq
                    ORDER BY i.part LIMIT 1))
  FROM outbox o WHERE e.kind = 'message' AND e.data ->> 'delivery_status' = 'queued'
    AND o.conversation_id = e.conversation_id AND o.seq = e.seq), e.data)::text, e.position


-- name: load_conversations
-- Conversations by id.
-- $1 uuid[] conversations
SELECT {{columns}} FROM conversations c WHERE c.id = ANY ($1::uuid[])

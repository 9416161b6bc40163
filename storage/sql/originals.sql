-- The messages of a channel that provider ids stand for, and their threads.
-- $1 uuid account, $2 uuid channel, $3 text[] provider ids
SELECT m.external_id, c.id::text, e.seq, e.data ->> 'id', e.data ->> 'content',
  CASE WHEN jsonb_typeof(e.data #> '{metadata,edited_at}') = 'number' THEN (e.data #>> '{metadata,edited_at}')::bigint
  ELSE 0 END, c.contact_identifier, c.topic
FROM unnest($3::text[]) AS w (provider_id)
JOIN provider_messages m ON m.channel_id = $2 AND m.external_id = w.provider_id
JOIN conversations c ON c.id = m.conversation_id AND c.account_id = $1
JOIN entries e ON e.conversation_id = m.conversation_id AND e.seq = m.seq AND e.kind = 'message'
UNION ALL
SELECT o.provider_id, c.id::text, e.seq, e.data ->> 'id', e.data ->> 'content', 0, c.contact_identifier, c.topic
FROM unnest($3::text[]) AS w (provider_id)
JOIN outbox_ids o ON o.channel_id = $2 AND o.provider_id = w.provider_id
JOIN conversations c ON c.id = o.conversation_id AND c.account_id = $1
JOIN entries e ON e.conversation_id = o.conversation_id AND e.seq = o.seq AND e.kind = 'message'

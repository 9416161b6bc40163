(extract(epoch FROM o.created_at) * 1000000)::bigint, o.message_id::text, o.account_id::text, o.channel_id::text,
o.conversation_id::text, o.seq, replace(o.status, 'sending', 'queued'), o.attempts, (
  SELECT i.provider_id FROM outbox_ids i WHERE i.conversation_id = o.conversation_id AND i.seq = o.seq
  ORDER BY i.part LIMIT 1),
o.error::text, CASE WHEN o.status = 'queued' THEN (extract(epoch FROM o.next_attempt_at) * 1000)::bigint END,
(extract(epoch FROM o.created_at) * 1000)::bigint, (extract(epoch FROM o.updated_at) * 1000)::bigint

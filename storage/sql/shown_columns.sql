e.account_id::text, e.conversation_id::text, e.seq, (extract(epoch FROM e.at) * 1000)::bigint, e.actor_type, e.actor_id,
coalesce((
  SELECT e.data || jsonb_build_object('delivery_status', replace(o.status, 'sending', 'queued'), 'delivery_error', o.error,
    'external_id', (SELECT i.provider_id FROM outbox_ids i WHERE i.conversation_id = o.conversation_id AND i.seq = o.seq
                    ORDER BY i.part LIMIT 1))
  FROM outbox o WHERE e.kind = 'message' AND e.data ->> 'delivery_status' = 'queued'
    AND o.conversation_id = e.conversation_id AND o.seq = e.seq), e.data)::text, e.position

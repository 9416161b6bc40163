-- Deliveries of new events, in the order of the feed.
-- $1 uuid account, $2 uuid webhook, $3 uuid[] ids, $4 text[] event ids, $5 text[] types, $6 uuid[] conversations,
-- $7 bytea[] payloads
INSERT INTO event_deliveries (id, account_id, webhook_id, event_id, event_type, conversation_id, payload, next_attempt_at,
  created_at)
SELECT n.id, $1, $2, n.event_id, n.type, n.conversation_id, n.payload, statement_timestamp(), statement_timestamp()
FROM unnest($3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::bytea[]) AS n (id, event_id, type, conversation_id, payload)
ON CONFLICT ON CONSTRAINT event_deliveries_once DO NOTHING

-- Since when conversations are with their agents, and whether the agent has written to the customer since.
-- $1 uuid[] conversations
SELECT w.id::text, (extract(epoch FROM a.at) * 1000)::bigint, EXISTS (
  SELECT FROM entries m WHERE m.conversation_id = w.id AND m.kind = 'message' AND m.seq > a.seq
    AND m.data ->> 'sender_type' = 'agent' AND coalesce((m.data ->> 'is_private')::boolean, false) = false)
FROM unnest($1::text[]::uuid[]) AS w (id)
CROSS JOIN LATERAL (
  SELECT e.seq, e.at FROM entries e WHERE e.conversation_id = w.id AND e.kind = 'assigned' ORDER BY e.seq DESC LIMIT 1) AS a

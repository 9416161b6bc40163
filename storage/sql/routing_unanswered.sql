-- Since when conversations are with their agents, whether the agent has written to the customer since, and whether the agent
-- took the conversation by an own command.
-- $1 uuid[] conversations
SELECT w.id::text, (extract(epoch FROM a.at) * 1000)::bigint, EXISTS (
  SELECT FROM entries m WHERE m.conversation_id = w.id AND m.kind = 'message' AND m.seq > a.seq
    AND m.data ->> 'sender_type' = 'agent' AND coalesce((m.data ->> 'is_private')::boolean, false) = false),
  coalesce(a.actor_type = 'agent' AND a.actor_id = a.agent_id, false)
FROM unnest($1::text[]::uuid[]) AS w (id)
CROSS JOIN LATERAL (
  SELECT e.seq, e.at, e.actor_type, e.actor_id, e.data ->> 'agent_id' AS agent_id FROM entries e WHERE e.conversation_id = w.id AND e.kind = 'assigned' ORDER BY e.seq DESC LIMIT 1) AS a

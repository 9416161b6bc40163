-- The newest messages of each conversation, oldest first, for activation.
-- $1 uuid[]: ids; $2 integer: how many of each
SELECT e.* FROM unnest($1::uuid[]) AS w (id) CROSS JOIN LATERAL (
  SELECT {{columns}} FROM entries e
  WHERE e.conversation_id = w.id AND e.kind = 'message' ORDER BY e.seq DESC LIMIT $2) AS e
ORDER BY 2, 3

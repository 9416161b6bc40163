-- The first messages after a seq, oldest first.
-- $1 uuid[] conversations, $2 integer before (unused here: null), $3 integer after, $4 limit, $5 boolean: leave notes out
SELECT {{columns}} FROM entries e
WHERE e.conversation_id = ANY ($1::uuid[]) AND e.kind = 'message' AND ($2::integer IS NULL OR e.seq < $2)
  AND e.seq > $3 AND NOT ($5 AND coalesce((e.data ->> 'is_private')::boolean, false))
ORDER BY e.conversation_id, e.seq LIMIT $4

-- The newest messages, or the newest before a seq, oldest first.
-- $1 uuid[] conversations, $2 integer before or null, $3 integer after or null, $4 limit, $5 boolean: leave notes out
SELECT * FROM (
  SELECT {{columns}} FROM entries e
  WHERE e.conversation_id = ANY ($1::uuid[]) AND e.kind = 'message' AND ($2::integer IS NULL OR e.seq < $2)
    AND ($3::integer IS NULL OR e.seq > $3) AND NOT ($5 AND coalesce((e.data ->> 'is_private')::boolean, false))
  ORDER BY e.conversation_id DESC, e.seq DESC LIMIT $4) AS newest
ORDER BY 2, 3

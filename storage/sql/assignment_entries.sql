-- What tells who held a conversation: its assignments and changes of status, the newest, oldest first.
-- $1 uuid conversation, $2 limit
SELECT * FROM (
  SELECT {{columns}} FROM entries e WHERE e.conversation_id = $1 AND e.kind IN ('assigned', 'status')
  ORDER BY e.seq DESC LIMIT $2) AS newest
ORDER BY 3

-- When each agent got a conversation last, among the newest assignments. $1 uuid account, $2 limit
SELECT agent_id, (extract(epoch FROM max(at)) * 1000)::bigint FROM (
  SELECT e.data ->> 'agent_id' AS agent_id, e.at FROM entries e
  WHERE e.account_id = $1::text::uuid AND e.kind = 'assigned' ORDER BY e.at DESC LIMIT $2) AS newest
WHERE agent_id IS NOT NULL GROUP BY agent_id

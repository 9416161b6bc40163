-- How often each score was the last one in a period of a conversation that is an agent's.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT score, count(*) FROM (
  SELECT DISTINCT ON (e.conversation_id) (e.data ->> 'score')::integer AS score
  FROM entries e JOIN conversations c ON c.id = e.conversation_id
  WHERE e.account_id = $1 AND e.kind = 'rated' AND c.assignee_id = $2
    AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)
  ORDER BY e.conversation_id, e.seq DESC) AS last
GROUP BY score

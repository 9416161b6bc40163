-- How often each score was a conversation's last one in a period, of those that the agent had held last before the score.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
SELECT score, count(*) FROM (
  SELECT DISTINCT ON (e.conversation_id) (e.data ->> 'score')::integer AS score,
    (SELECT a.data ->> 'agent_id' FROM entries a
     WHERE a.conversation_id = e.conversation_id AND a.seq < e.seq AND a.kind = 'assigned'
       AND a.data ->> 'agent_id' IS NOT NULL ORDER BY a.seq DESC LIMIT 1) AS agent
  FROM entries e
  WHERE e.account_id = $1 AND e.kind = 'rated'
    AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)
  ORDER BY e.conversation_id, e.seq DESC) AS last
WHERE agent = $2 GROUP BY score

-- How often each score was a conversation's last one in a period.
-- $1 bigint from, $2 bigint to: ms since the epoch
SELECT score, count(*) FROM (
  SELECT DISTINCT ON (e.conversation_id) (e.data ->> 'score')::integer AS score FROM entries e
  WHERE e.kind = 'rated'
    AND e.at >= to_timestamp($1::bigint / 1000.0) AND e.at < to_timestamp($2::bigint / 1000.0)
  ORDER BY e.conversation_id, e.seq DESC) AS last
GROUP BY score

-- An agent's messages in a period, notes left out; of how many conversations they were the first reply, and the seconds
-- these had taken.
-- $1 uuid account, $2 text user, $3 bigint from, $4 bigint to: ms since the epoch
WITH said AS (
  SELECT e.conversation_id, e.at FROM entries e
  WHERE e.account_id = $1 AND e.kind = 'message'
    AND e.at >= to_timestamp($3::bigint / 1000.0) AND e.at < to_timestamp($4::bigint / 1000.0)
    AND e.data ->> 'sender_type' = 'agent' AND e.data ->> 'sender_id' = $2
    AND e.data -> 'is_private' IS DISTINCT FROM 'true'::jsonb),
first AS (
  SELECT DISTINCT c.id, extract(epoch FROM c.first_reply_at - c.created_at)::float8 AS took
  FROM said s JOIN conversations c ON c.id = s.conversation_id AND c.first_reply_at = s.at)
SELECT (SELECT count(*) FROM said), count(took), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY took)
FROM first

-- Messages a day, in UTC, notes left out: inbound, outbound, and how many of these a bot wrote.
-- $1 bigint from, $2 bigint to: ms since the epoch
SELECT (e.at AT TIME ZONE 'UTC')::date::text,
  count(*) FILTER (WHERE e.data ->> 'direction' = 'inbound'),
  count(*) FILTER (WHERE e.data ->> 'direction' = 'outbound'),
  count(*) FILTER (WHERE e.data ->> 'direction' = 'outbound' AND e.data ->> 'sender_type' = 'bot')
FROM entries e
WHERE e.kind = 'message' AND e.at >= to_timestamp($1::bigint / 1000.0) AND e.at < to_timestamp($2::bigint / 1000.0)
  AND e.data -> 'is_private' IS DISTINCT FROM 'true'::jsonb
GROUP BY 1

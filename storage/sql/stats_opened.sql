-- Conversations created a day, in UTC.
-- $1 bigint from, $2 bigint to: ms since the epoch
SELECT (created_at AT TIME ZONE 'UTC')::date::text, count(*) FROM conversations
WHERE created_at >= to_timestamp($1::bigint / 1000.0) AND created_at < to_timestamp($2::bigint / 1000.0)
GROUP BY 1

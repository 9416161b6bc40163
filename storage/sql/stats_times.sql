-- Seconds to the first reply and to the resolution, of conversations created in a period.
-- $1 bigint from, $2 bigint to: ms since the epoch
SELECT count(t.reply), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY t.reply),
  count(t.resolution), percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY t.resolution)
FROM (
  SELECT extract(epoch FROM first_reply_at - created_at)::float8 AS reply,
    extract(epoch FROM resolved_at - created_at)::float8 AS resolution
  FROM conversations
  WHERE created_at >= to_timestamp($1::bigint / 1000.0) AND created_at < to_timestamp($2::bigint / 1000.0)) AS t

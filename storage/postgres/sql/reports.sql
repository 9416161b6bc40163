-- Figures counted outside the commits (reports/report_counters.py). What is counted, and how: report_advance in schema.sql.


-- name: report_behind
-- Accounts with entries that are not counted yet, those with most of them first.
-- $1 limit
SELECT f.account_id::text FROM account_feeds f LEFT JOIN report_cursors c ON c.account_id = f.account_id
WHERE f.position > coalesce(c.position, 0) ORDER BY f.position - coalesce(c.position, 0) DESC LIMIT $1


-- name: report_durations
-- The sketch of a measure: bucket and count. Whole days come from their own counts, what is left at both ends from the hours'.
-- $1 uuid account, $2 text measure, $3 and $4 bigint from and to: ms since the epoch, whole hours
WITH span AS (
  SELECT to_timestamp($3::bigint / 1000.0) AS low, to_timestamp($4::bigint / 1000.0) AS high),
days AS (
  SELECT least(date_trunc('day', low - interval '1 microsecond', 'UTC') + interval '1 day', high) AS first,
    greatest(date_trunc('day', high, 'UTC'), low) AS last FROM span),
parts AS (
  SELECT $2 || '_day' AS measure, first AS low, last AS high FROM days WHERE first < last
  UNION ALL SELECT $2, low, CASE WHEN first < last THEN first ELSE high END FROM span, days
  UNION ALL SELECT $2, last, high FROM span, days WHERE first < last)
SELECT r.bucket, sum(r.n)::bigint FROM parts p JOIN report_counts r
  ON r.account_id = $1 AND r.dimension = '' AND r.measure = p.measure AND r.at >= p.low AND r.at < p.high
GROUP BY r.bucket HAVING sum(r.n) > 0 ORDER BY r.bucket


-- name: report_forget
-- Forget all counts of an account.
-- $1 uuid account
WITH cursor AS (UPDATE report_cursors SET position = 0 WHERE account_id = $1),
conversations AS (DELETE FROM report_conversations WHERE account_id = $1)
DELETE FROM report_counts WHERE account_id = $1


-- name: report_now
-- What is so now: conversations by status.
-- $1 uuid account
SELECT substr(measure, 8), n FROM report_counts
WHERE account_id = $1 AND dimension = '' AND measure LIKE 'status %' AND at = '-infinity'


-- name: report_queue
-- What is so now: how many conversations wait for an agent, and since when the oldest does (ms), null if none does.
-- $1 uuid account
SELECT coalesce((
    SELECT n FROM report_counts
    WHERE account_id = $1 AND dimension = '' AND measure = 'waiting' AND at = '-infinity' AND item = '' AND bucket = 0), 0),
  (SELECT (extract(epoch FROM waiting_since) * 1000)::bigint FROM report_conversations
   WHERE account_id = $1 AND waiting_since IS NOT NULL ORDER BY waiting_since LIMIT 1)


-- name: report_scores
-- CSAT scores of a period: each conversation's last score, in the hour in which it was given.
-- $1 uuid account, $2 and $3 bigint from and to: ms since the epoch, whole hours
SELECT bucket, sum(n)::bigint FROM report_counts
WHERE account_id = $1 AND dimension = '' AND measure = 'csat'
  AND at >= to_timestamp($2::bigint / 1000.0) AND at < to_timestamp($3::bigint / 1000.0)
GROUP BY 1 HAVING sum(n) > 0


-- name: report_volumes
-- Counts of a period by measure and day (UTC).
-- $1 uuid account, $2 and $3 bigint from and to: ms since the epoch, whole hours
SELECT measure, (at AT TIME ZONE 'UTC')::date::text, sum(n)::bigint FROM report_counts
WHERE account_id = $1 AND dimension = '' AND measure = ANY ('{opened,inbound,outbound,bot,handoff}'::text[])
  AND at >= to_timestamp($2::bigint / 1000.0) AND at < to_timestamp($3::bigint / 1000.0)
GROUP BY 1, 2


-- name: report_figures
-- Counts by item, measure, bucket and, if asked for, day (UTC); '' stands for the whole period.
-- $1 uuid account, $2 text dimension, $3 and $4 bigint from and to: ms since the epoch, whole hours, $5 text item or null for all,
-- $6 boolean by day
SELECT item, measure, bucket, CASE WHEN $6 THEN (at AT TIME ZONE 'UTC')::date::text ELSE '' END, sum(n)::bigint FROM report_counts
WHERE account_id = $1 AND dimension = $2
  AND measure = ANY ('{opened,resolved,inbound,outbound,bot,handoff,assigned,csat,missed first_reply,missed next_reply,missed resolution}'::text[])
  AND at >= to_timestamp($3::bigint / 1000.0) AND at < to_timestamp($4::bigint / 1000.0) AND ($5::text IS NULL OR item = $5)
GROUP BY 1, 2, 3, 4 HAVING sum(n) <> 0


-- name: report_sketches
-- Sketches by item, measure and, if asked for, day (UTC): bucket and count, buckets in order. Whole days come from their own counts,
-- what is left at both ends from the hours'.
-- $1 uuid account, $2 text dimension, $3 and $4 bigint from and to: ms since the epoch, whole hours, $5 text[] items, $6 boolean by day
WITH span AS (
  SELECT to_timestamp($3::bigint / 1000.0) AS low, to_timestamp($4::bigint / 1000.0) AS high),
days AS (
  SELECT least(date_trunc('day', low - interval '1 microsecond', 'UTC') + interval '1 day', high) AS first,
    greatest(date_trunc('day', high, 'UTC'), low) AS last FROM span),
parts AS (
  SELECT '_day' AS suffix, first AS low, last AS high FROM days WHERE first < last
  UNION ALL SELECT '', low, CASE WHEN first < last THEN first ELSE high END FROM span, days
  UNION ALL SELECT '', last, high FROM span, days WHERE first < last)
SELECT r.item, m.measure, CASE WHEN $6 THEN (r.at AT TIME ZONE 'UTC')::date::text ELSE '' END, r.bucket, sum(r.n)::bigint
FROM parts p CROSS JOIN unnest('{reply,resolution,wait}'::text[]) AS m (measure) JOIN report_counts r
  ON r.account_id = $1 AND r.dimension = $2 AND r.measure = m.measure || p.suffix AND r.at >= p.low AND r.at < p.high
  AND r.item = ANY ($5::text[])
GROUP BY 1, 2, 3, 4 HAVING sum(r.n) > 0 ORDER BY 4


-- name: report_statuses
-- Conversations by item and status, as of now.
-- $1 uuid account, $2 text dimension, $3 text item or null for all
SELECT item, substr(measure, 8), n FROM report_counts
WHERE account_id = $1 AND dimension = $2 AND measure LIKE 'status %' AND at = '-infinity' AND ($3::text IS NULL OR item = $3) AND n <> 0

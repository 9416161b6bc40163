-- Figures counted beside the commits (conversations/report_counters.py). What is counted, and how: report_advance in schema.sql.


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
  ON r.account_id = $1 AND r.measure = p.measure AND r.at >= p.low AND r.at < p.high
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
SELECT substr(measure, 8), n FROM report_counts WHERE account_id = $1 AND measure LIKE 'status %' AND at = '-infinity'


-- name: report_volumes
-- Counts of a period by measure and day (UTC).
-- $1 uuid account, $2 and $3 bigint from and to: ms since the epoch, whole hours
SELECT measure, (at AT TIME ZONE 'UTC')::date::text, sum(n)::bigint FROM report_counts
WHERE account_id = $1 AND measure = ANY ('{opened,inbound,outbound,bot,handoff}'::text[])
  AND at >= to_timestamp($2::bigint / 1000.0) AND at < to_timestamp($3::bigint / 1000.0)
GROUP BY 1, 2

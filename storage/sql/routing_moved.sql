-- The accounts whose feed has moved (the last column), or where what routing goes by has changed, since $1; and, first in every
-- row, what to ask with the next time: the oldest transaction that may not have been visible yet. A row says by itself which
-- transaction wrote it (xmin), so commits keep nothing up for this, and only what has changed leaves the database.
-- $1 xid8 as text; null: nothing has. A transaction number from the future is another database's: there everything has.
WITH since AS MATERIALIZED (
  SELECT CASE WHEN $1::text::xid8 > pg_snapshot_xmax(pg_current_snapshot()) THEN 2147483647
              ELSE age($1::text::xid8::xid) END AS age),
changed AS (
  SELECT f.account_id, true AS fed FROM account_feeds f WHERE age(f.xmin) <= (SELECT age FROM since)
  UNION ALL
  SELECT r.account_id, false FROM routing_changes r WHERE age(r.xmin) <= (SELECT age FROM since)),
heads AS (
  SELECT c.account_id, f.position, coalesce(r.version, 0) AS version, bool_or(c.fed) AS fed
  FROM changed c JOIN account_feeds f ON f.account_id = c.account_id
  LEFT JOIN routing_changes r ON r.account_id = c.account_id
  GROUP BY c.account_id, f.position, r.version)
SELECT pg_snapshot_xmin(pg_current_snapshot())::text, h.account_id::text, h.position, h.version, h.fed
FROM (SELECT) AS always LEFT JOIN heads h ON true

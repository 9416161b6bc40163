-- The accounts whose feed has moved (the last column), or where what routing goes by has changed, since $1 (one of which both is
-- true comes twice); and, first in every row, what to ask with the next time: the oldest transaction that may not have been
-- visible yet. A row says by itself which transaction wrote it (xmin), so commits keep nothing up for this, and only what has
-- changed leaves the database.
-- $1 xid8 as text; null: nothing has. A transaction number from the future is another database's: there everything has.
WITH since AS MATERIALIZED (
  SELECT CASE WHEN $1::text::xid8 > pg_snapshot_xmax(pg_current_snapshot()) THEN 2147483647
              ELSE age($1::text::xid8::xid) END AS age)
SELECT pg_snapshot_xmin(pg_current_snapshot())::text, h.*
FROM (SELECT) AS always LEFT JOIN (
  SELECT f.account_id::text, f.position, coalesce((
    SELECT r.version FROM routing_changes r WHERE r.account_id = f.account_id), 0) AS version, true AS fed
  FROM account_feeds f WHERE age(f.xmin) <= (SELECT age FROM since)
  UNION ALL
  SELECT r.account_id::text, coalesce((
    SELECT f.position FROM account_feeds f WHERE f.account_id = r.account_id), 0), r.version, false
  FROM routing_changes r WHERE age(r.xmin) <= (SELECT age FROM since)) AS h ON true

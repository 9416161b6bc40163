-- The audit log (accounts/audit.py).


-- name: audit_add
-- Append a record.
-- $1 uuid, $2 uuid account, $3 text actor type, $4 text actor id, $5 text action, $6 text target type, $7 text target
-- id, $8 text details as JSON
INSERT INTO audit_log (id, account_id, actor_type, actor_id, action, target_type, target_id, details)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8::text::jsonb)


-- name: audit_page
-- A page of records, newest first, each row with its sort key in front.
-- $1 text action or null, $2 text target id or null, $3 bigint and $4 uuid: time (µs) and id of the last row seen, or
-- null, $5 limit
SELECT (extract(epoch FROM at) * 1000000)::bigint, id::text, (extract(epoch FROM at) * 1000)::bigint, actor_type, actor_id,
  action, target_type, target_id, details::text
FROM audit_log
WHERE ($1::text IS NULL OR action = $1) AND ($2::text IS NULL OR target_id = $2)
  AND ($3::bigint IS NULL OR (at, id) < (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY at DESC, id DESC LIMIT $5

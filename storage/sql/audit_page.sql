-- Audit records, newest first.
-- $1 text action or null, $2 text target id or null, $3 bigint and $4 uuid: time (µs) and id of the last one seen, or
-- null, $5 how many
SELECT (extract(epoch FROM at) * 1000000)::bigint, id::text, (extract(epoch FROM at) * 1000)::bigint, actor_type, actor_id, action, target_type, target_id,
  details::text
FROM audit_log
WHERE ($1::text IS NULL OR action = $1) AND ($2::text IS NULL OR target_id = $2) AND ($3::bigint IS NULL OR (at, id) < (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY at DESC, id DESC LIMIT $5

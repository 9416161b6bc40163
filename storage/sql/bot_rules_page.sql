-- Bot rules, oldest first; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM bot_rules
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3

-- Event webhooks, oldest first; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM w.created_at) * 1000000)::bigint, {{columns}} FROM event_webhooks w
WHERE $1::bigint IS NULL OR (w.created_at, w.id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY w.created_at, w.id LIMIT $3

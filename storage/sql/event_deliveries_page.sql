-- Deliveries of an event webhook, newest first; each with its place.
-- $1 uuid webhook, $2 text status or null, $3 bigint and $4 uuid: time (µs) and id of the last one seen, or null, $5 how many
SELECT (extract(epoch FROM d.created_at) * 1000000)::bigint, {{columns}} FROM event_deliveries d
WHERE d.webhook_id = $1 AND ($2::text IS NULL OR d.status = $2)
  AND ($3::bigint IS NULL OR (d.created_at, d.id) < (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY d.created_at DESC, d.id DESC LIMIT $5

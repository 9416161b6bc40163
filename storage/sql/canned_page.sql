-- Canned responses, oldest first; each with its place.
-- $1 text category or null, $2 text ILIKE pattern or null,
-- $3 bigint and $4 uuid: time (µs) and id of the last one seen, or null, $5 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM canned_responses
WHERE ($1::text IS NULL OR category = $1)
  AND ($2::text IS NULL OR short_code ILIKE $2 OR title ILIKE $2 OR content ILIKE $2)
  AND ($3::bigint IS NULL OR (created_at, id) > (to_timestamp($3 / 1000000.0), $4::uuid))
ORDER BY created_at, id LIMIT $5

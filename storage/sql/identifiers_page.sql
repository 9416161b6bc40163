-- Identifiers, oldest first; each with its place.
-- $1 uuid contact or null, $2 bigint and $3 uuid: time (µs) and id of the last one seen, or null, $4 how many
SELECT (extract(epoch FROM i.created_at) * 1000000)::bigint, {{columns}} FROM contact_identifiers i
WHERE ($1::uuid IS NULL OR i.contact_id = $1)
  AND ($2::bigint IS NULL OR (i.created_at, i.id) > (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY i.created_at, i.id LIMIT $4

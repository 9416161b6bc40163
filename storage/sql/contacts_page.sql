-- Contacts, newest first, without those merged into others; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM k.created_at) * 1000000)::bigint, {{columns}} FROM contacts k
WHERE k.merged_into IS NULL AND ($1::bigint IS NULL OR (k.created_at, k.id) < (to_timestamp($1 / 1000000.0), $2::uuid))
ORDER BY k.created_at DESC, k.id DESC LIMIT $3

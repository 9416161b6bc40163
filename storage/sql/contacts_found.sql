-- Contacts that match, newest first; each with its place. See `contacts_matching` in migration 0004.
-- $1 text: an ILIKE pattern, $2 bigint and $3 uuid: time (µs) and id of the last one seen, or null, $4 how many
SELECT (extract(epoch FROM k.created_at) * 1000000)::bigint, {{columns}} FROM contacts k
WHERE k.id IN (SELECT contacts_matching($1, to_timestamp($2::bigint / 1000000.0), $3::uuid, $4))
ORDER BY k.created_at DESC, k.id DESC

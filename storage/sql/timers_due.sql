-- Conversations to be looked at, the longest due first. The last ten bits of an id are its partition.
-- $1 bigint: now in ms, $2 integer[]: partitions, or null for all, $3 uuid[]: conversations to leave out, $4 integer: how many
SELECT c.id::text, c.account_id::text, (extract(epoch FROM c.timer_at) * 1000)::bigint FROM conversations c
WHERE c.timer_at <= to_timestamp($1 / 1000.0) AND NOT c.id = ANY ($3::uuid[])
  AND ($2::integer[] IS NULL OR ('x' || right(c.id::text, 3))::bit(12)::integer & 1023 = ANY ($2::integer[]))
ORDER BY c.timer_at LIMIT $4

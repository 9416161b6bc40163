-- Agents' preferences, oldest first; each with its place. Who names no topic or channel serves any.
-- $1 uuid account, $2 boolean available or null, $3 text[] topics, $4 text[] channels,
-- $5 bigint and $6 uuid: time (µs) and id of the last one seen, or null, $7 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM agent_preferences
WHERE account_id = $1 AND ($2::boolean IS NULL OR is_available = $2)
  AND (available_topics = '{}' OR available_topics @> $3::text[])
  AND (available_channels = '{}' OR available_channels @> $4::text[])
  AND ($5::bigint IS NULL OR (created_at, id) > (to_timestamp($5 / 1000000.0), $6::uuid))
ORDER BY created_at, id LIMIT $7

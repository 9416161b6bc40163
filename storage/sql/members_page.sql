-- Members of a team in the order they joined; each with its place.
-- $1 uuid team, $2 bigint and $3 uuid: time (µs) and id of the last one seen, or null, $4 how many
SELECT (extract(epoch FROM m.created_at) * 1000000)::bigint, {{columns}} FROM team_members m
JOIN agents a ON a.account_id = m.account_id AND a.user_id = m.user_id
WHERE m.team_id = $1 AND ($2::bigint IS NULL OR (m.created_at, m.id) > (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY m.created_at, m.id LIMIT $4

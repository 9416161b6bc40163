-- $1 uuid account, $2 digest, $3 text agents as JSON
INSERT INTO routing_rosters (account_id, digest, agents) VALUES ($1::text::uuid, $2, $3::jsonb) ON CONFLICT DO NOTHING

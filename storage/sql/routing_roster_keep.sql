-- $1 uuid account, $2 digest, $3 text agents as JSON
INSERT INTO routing_rosters AS r (account_id, digest, agents) VALUES ($1::text::uuid, $2, $3::jsonb)
ON CONFLICT (account_id, digest) DO UPDATE SET kept_at = now() WHERE r.kept_at < now() - interval '1 hour'

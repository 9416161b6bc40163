-- Rosters by digest, of the account at hand. $1 text[] digests
SELECT digest, agents::text FROM routing_rosters WHERE digest = ANY ($1::text[])

-- A new incarnation of a shard's supervisor; waits for commits under way that rest on its predecessor's word.
-- $1 shard, $2 uuid incarnation
INSERT INTO supervisors AS s (shard, incarnation) VALUES ($1, $2::text::uuid)
ON CONFLICT (shard) DO UPDATE SET incarnation = excluded.incarnation, epoch = s.epoch + 1, registered_at = now()
RETURNING epoch

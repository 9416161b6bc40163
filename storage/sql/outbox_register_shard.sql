-- A new incarnation of a shard's dispatcher. Waits for claims of its predecessor that are under way.
-- $1 integer shard, $2 uuid incarnation
INSERT INTO dispatchers (shard, incarnation) VALUES ($1, $2)
ON CONFLICT (shard) DO UPDATE SET incarnation = excluded.incarnation, registered_at = now()

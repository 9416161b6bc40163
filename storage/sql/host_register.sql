-- A new incarnation of a host. Its predecessor of the same name is gone: its partitions become free.
-- $1 name, $2 incarnation, $3 node
WITH before AS (SELECT incarnation FROM hosts WHERE name = $1 FOR UPDATE),
freed AS (
  UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner IN (SELECT incarnation FROM before)
)
INSERT INTO hosts (name, incarnation, node) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, node = excluded.node,
  beats = hosts.beats + 1, draining = false, updated_at = now()

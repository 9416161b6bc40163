-- A new incarnation of a host. Its predecessor of the same name is gone: its partitions become free.
-- (Reading `freed` makes it run before the host's row changes: its predecessor is only known until then.)
-- $1 name, $2 incarnation, $3 node, $4 address, $5 port
WITH before AS (SELECT incarnation FROM hosts WHERE name = $1 FOR UPDATE),
freed AS (
  UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner IN (SELECT incarnation FROM before) RETURNING id
)
INSERT INTO hosts (name, incarnation, node, address, port)
SELECT $1::text, $2::uuid, $3::text, $4::text, $5::integer FROM (SELECT count(*) FROM freed) AS counted
ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, node = excluded.node,
  address = excluded.address, port = excluded.port,
  beats = hosts.beats + 1, draining = false, updated_at = now()

-- Hosts and the partitions they own (conversations/ownership.py).


-- name: host_beat
-- A host's heartbeat. Returns no row if a newer incarnation has taken the name, or if others have taken partitions that the host
-- still holds: then it must not look alive.
-- $1 name, $2 incarnation, $3 draining, $4 how many partitions it holds
UPDATE hosts SET beats = beats + 1, draining = $3, updated_at = now()
WHERE name = $1 AND incarnation = $2 AND (SELECT count(*) FROM partitions WHERE owner = $2) >= $4
RETURNING beats


-- name: host_peers
-- Every host, the number of partitions it owns, and how many of them are pinned to another host that can take them.
SELECT h.name, h.incarnation::text, h.beats, h.draining, count(p.id)::integer, h.address, h.port, h.takes,
  (count(t.name) FILTER (WHERE t.name <> h.name))::integer
FROM hosts h LEFT JOIN partitions p ON p.owner = h.incarnation LEFT JOIN pins ON pins.partition = p.id
  LEFT JOIN hosts t ON t.incarnation = pins.host AND t.takes AND NOT t.draining
GROUP BY h.name


-- name: host_register
-- Register a new incarnation of a host, and free the partitions of its predecessor. (Reading `freed` makes it run
-- before the host's row changes, after which the predecessor is no longer known.)
-- $1 name, $2 incarnation, $3 node, $4 address, $5 port
WITH before AS (SELECT incarnation FROM hosts WHERE name = $1 FOR UPDATE),
freed AS (
  UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner IN (SELECT incarnation FROM before) RETURNING id
)
INSERT INTO hosts (name, incarnation, node, address, port, takes)
SELECT $1::text, $2::uuid, $3::text, $4::text, $5::integer, true FROM (SELECT count(*) FROM freed) AS counted
ON CONFLICT (name) DO UPDATE SET incarnation = excluded.incarnation, node = excluded.node,
  address = excluded.address, port = excluded.port, takes = true,
  beats = hosts.beats + 1, draining = false, updated_at = now()


-- name: partitions_claim
-- Take partitions that no live host owns. Raising the epoch fences off commits of the former owner.
-- $1 uuid own incarnation, $2 uuid[] live incarnations, $3 integer limit
UPDATE partitions SET owner = $1, epoch = epoch + 1 WHERE id IN (
  SELECT id FROM partitions WHERE owner IS NULL OR owner <> ALL ($2::uuid[]) ORDER BY id LIMIT $3 FOR UPDATE)
RETURNING id, epoch


-- name: partitions_map
-- The owner of each partition, in order.
SELECT h.name, h.incarnation::text, h.address, h.port
FROM partitions p LEFT JOIN hosts h ON h.incarnation = p.owner ORDER BY p.id


-- name: partitions_move
-- Give partitions to another host. They become free if its incarnation is gone or leaves.
-- $1 uuid own incarnation, $2 integer[] partitions, $3 uuid the other's incarnation
UPDATE partitions SET owner = (SELECT incarnation FROM hosts WHERE incarnation = $3 AND NOT draining), epoch = epoch + 1
WHERE owner = $1 AND id = ANY ($2::integer[])


-- name: partitions_owned
-- A host's partitions, with their epochs.
-- $1 uuid incarnation
SELECT id, epoch FROM partitions WHERE owner = $1


-- name: partitions_release
-- Give partitions back.
-- $1 uuid own incarnation, $2 integer[] partitions
UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner = $1 AND id = ANY ($2::integer[])


-- name: pins_add
-- Pin partitions to a host. Returns them: none if the host is gone, leaves, or is of a release that takes none.
-- $1 integer[] partitions, $2 the host's name
INSERT INTO pins (partition, host)
SELECT wanted, incarnation FROM unnest($1::integer[]) AS wanted, hosts WHERE name = $2 AND takes AND NOT draining
ON CONFLICT (partition) DO UPDATE SET host = excluded.host, since = now()
RETURNING partition


-- name: pins_list
-- The pinned partitions, and the incarnations that they are pinned to. Pins to hosts that are gone or leave count no more.
SELECT p.partition, p.host::text FROM pins p JOIN hosts h ON h.incarnation = p.host WHERE NOT h.draining


-- name: pins_remove
-- End all pins. Returns those that were ended.
DELETE FROM pins RETURNING partition

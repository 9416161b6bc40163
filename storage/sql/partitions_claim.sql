-- Take partitions that nobody living owns. Raising the epoch shuts the former owner's commits out.
-- $1 uuid: me, $2 uuid[]: the living, $3 integer: how many at most
UPDATE partitions SET owner = $1, epoch = epoch + 1 WHERE id IN (
  SELECT id FROM partitions WHERE owner IS NULL OR owner <> ALL ($2::uuid[]) ORDER BY id LIMIT $3 FOR UPDATE)
RETURNING id, epoch

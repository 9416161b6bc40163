-- Give partitions back.
-- $1 uuid: me, $2 integer[]: partitions
UPDATE partitions SET owner = NULL, epoch = epoch + 1 WHERE owner = $1 AND id = ANY ($2::integer[])

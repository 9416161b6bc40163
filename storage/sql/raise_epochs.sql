-- Raise the epochs of partitions that still stand as this host knows them. Waits for commits under way.
-- $1 integer[] partitions, $2 bigint[] epochs
UPDATE partitions p SET epoch = p.epoch + 1
FROM unnest($1::integer[], $2::bigint[]) AS w (id, epoch) WHERE p.id = w.id AND p.epoch = w.epoch
RETURNING p.id, p.epoch

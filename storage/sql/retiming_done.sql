-- An account was looked through in partitions: those count that still have their epoch, if the settings have not changed again.
-- $1 uuid account, $2 bigint version, $3 integer[]: partitions, $4 bigint[]: their epochs
UPDATE account_retimings r SET waiting = ARRAY(
  SELECT unnest(r.waiting) EXCEPT
  SELECT p.id FROM partitions p JOIN unnest($3::integer[], $4::bigint[]) AS w (id, epoch) ON p.id = w.id AND p.epoch = w.epoch)
WHERE account_id = $1 AND version = $2

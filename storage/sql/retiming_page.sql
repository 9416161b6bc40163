-- An account's conversations of one status, by id. The last ten bits of an id are its partition.
-- $1 uuid account, $2 text status, $3 uuid: after this one, $4 integer[]: partitions, or null for all, $5 integer: how many
SELECT {{columns}} FROM conversations c WHERE c.account_id = $1 AND c.status = $2 AND c.id > $3
  AND ($4::integer[] IS NULL OR ('x' || right(c.id::text, 3))::bit(12)::integer & 1023 = ANY ($4::integer[]))
ORDER BY c.id LIMIT $5

-- Queries of timer_rescheduling: each starts with a line `-- name:` and is described by the comment below it.


-- name: retiming_done
-- An account was looked through in partitions: those count that still have their epoch, if the settings have not changed again.
-- $1 uuid account, $2 bigint version, $3 integer[]: partitions, $4 bigint[]: their epochs
UPDATE account_retimings r SET waiting = ARRAY(
  SELECT unnest(r.waiting) EXCEPT
  SELECT p.id FROM partitions p JOIN unnest($3::integer[], $4::bigint[]) AS w (id, epoch) ON p.id = w.id AND p.epoch = w.epoch)
WHERE account_id = $1 AND version = $2


-- name: retiming_move
-- Have conversations looked at sooner, unless their timer has moved meanwhile, or they are being written just now.
-- $1 uuid[]: conversations, $2 bigint[]: the instants they had, $3 bigint[]: the sooner ones, in ms; returns those that are
WITH held AS (
  SELECT c.id, w.due FROM conversations c JOIN unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS w (id, seen, due) ON c.id = w.id
  WHERE (extract(epoch FROM c.timer_at) * 1000)::bigint IS NOT DISTINCT FROM w.seen
  FOR UPDATE OF c SKIP LOCKED)
UPDATE conversations c SET timer_at = to_timestamp(h.due / 1000.0) FROM held h WHERE c.id = h.id RETURNING c.id::text


-- name: retiming_page
-- An account's conversations of one status, by id. The last ten bits of an id are its partition.
-- $1 uuid account, $2 text status, $3 uuid: after this one, $4 integer[]: partitions, or null for all, $5 integer: how many
SELECT {{columns}} FROM conversations c WHERE c.account_id = $1 AND c.status = $2 AND c.id > $3
  AND ($4::integer[] IS NULL OR ('x' || right(c.id::text, 3))::bit(12)::integer & 1023 = ANY ($4::integer[]))
ORDER BY c.id LIMIT $5


-- name: retimings_end
-- Forget accounts that were looked through in every partition.
DELETE FROM account_retimings WHERE waiting = '{}'


-- name: retimings_wanted
-- Accounts whose conversations are to be looked through in some of these partitions.
-- $1 integer[]: partitions, $2 integer: how many
SELECT account_id::text, version FROM account_retimings WHERE waiting && $1::integer[] ORDER BY account_id LIMIT $2

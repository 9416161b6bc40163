-- Recomputing timers after an account's settings have changed (conversations/timer_rescheduling.py).


-- name: rescheduling_done
-- An account has been examined in these partitions. Counts only those that still have the epoch, and only if the
-- settings have not changed again.
-- $1 uuid account, $2 bigint version, $3 integer[] partitions, $4 bigint[] epochs
UPDATE account_retimings r SET waiting = ARRAY(
  SELECT unnest(r.waiting) EXCEPT
  SELECT p.id FROM partitions p JOIN unnest($3::integer[], $4::bigint[]) AS w (id, epoch) ON p.id = w.id AND p.epoch = w.epoch)
WHERE account_id = $1 AND version = $2


-- name: rescheduling_move
-- Make timers due earlier. Skips conversations whose timer has changed meanwhile, or that are being written; returns the
-- others.
-- $1 uuid[] conversations, $2 bigint[] timers as read (ms), $3 bigint[] earlier timers (ms)
WITH held AS (
  SELECT c.id, w.due FROM conversations c JOIN unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS w (id, seen, due) ON c.id = w.id
  WHERE (extract(epoch FROM c.timer_at) * 1000)::bigint IS NOT DISTINCT FROM w.seen
  FOR UPDATE OF c SKIP LOCKED)
UPDATE conversations c SET timer_at = to_timestamp(h.due / 1000.0) FROM held h WHERE c.id = h.id RETURNING c.id::text


-- name: rescheduling_page
-- A page of an account's conversations of one status, by id. The last ten bits of an id are its partition.
-- $1 uuid account, $2 text status, $3 uuid after this id, $4 integer[] partitions or null for all, $5 integer limit
SELECT {{columns}} FROM conversations c WHERE c.account_id = $1 AND c.status = $2 AND c.id > $3
  AND ($4::integer[] IS NULL OR ('x' || right(c.id::text, 3))::bit(12)::integer & 1023 = ANY ($4::integer[]))
ORDER BY c.id LIMIT $5


-- name: reschedulings_end
-- Delete accounts that have been examined in every partition.
DELETE FROM account_retimings WHERE waiting = '{}'


-- name: reschedulings_wanted
-- Accounts whose conversations are to be examined in some of these partitions.
-- $1 integer[] partitions, $2 integer limit
SELECT account_id::text, version FROM account_retimings WHERE waiting && $1::integer[] ORDER BY account_id LIMIT $2

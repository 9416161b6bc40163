-- Have conversations looked at sooner, unless their timer has moved meanwhile, or they are being written just now.
-- $1 uuid[]: conversations, $2 bigint[]: the instants they had, $3 bigint[]: the sooner ones, in ms; returns those that are
WITH held AS (
  SELECT c.id, w.due FROM conversations c JOIN unnest($1::uuid[], $2::bigint[], $3::bigint[]) AS w (id, seen, due) ON c.id = w.id
  WHERE (extract(epoch FROM c.timer_at) * 1000)::bigint IS NOT DISTINCT FROM w.seen
  FOR UPDATE OF c SKIP LOCKED)
UPDATE conversations c SET timer_at = to_timestamp(h.due / 1000.0) FROM held h WHERE c.id = h.id RETURNING c.id::text

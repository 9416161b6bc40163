-- Forget, of some rosters, those that no entry names any more: the entries went with their conversations. One that was named
-- within a day may be on its way into a commit. $1 uuid account and $2 digest to begin after, $3 how many to look at
WITH looked AS (
  SELECT r.account_id, r.digest, r.kept_at FROM routing_rosters r
  WHERE (r.account_id, r.digest) > ($1::text::uuid, $2) ORDER BY r.account_id, r.digest LIMIT $3),
gone AS (
  DELETE FROM routing_rosters r USING looked l
  WHERE r.account_id = l.account_id AND r.digest = l.digest AND r.kept_at < now() - interval '1 day' AND NOT EXISTS (
    SELECT FROM entries e WHERE e.account_id = l.account_id AND e.data -> 'explain' ->> 'roster' = l.digest
      AND e.kind IN ('assigned', 'offered')))
SELECT account_id::text, digest FROM looked ORDER BY account_id, digest

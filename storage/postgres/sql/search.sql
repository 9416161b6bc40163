-- The search index (conversations/search_index.py). How it is built and read: docs/decisions/0014-search-beside-the-commits.md.


-- name: search_behind
-- Accounts with enough new entries for a chunk, those that wait longest first.
-- $1 limit
SELECT f.account_id::text FROM account_feeds f LEFT JOIN LATERAL (
  SELECT c.last_position FROM search_chunks c WHERE c.account_id = f.account_id ORDER BY c.last_position DESC LIMIT 1) AS c ON true
WHERE f.position - coalesce(c.last_position, 0) >= 256
ORDER BY f.position - coalesce(c.last_position, 0) DESC LIMIT $1


-- name: search_claim
-- Claim a complete segment without a signature, for a while.
-- $1 seconds
UPDATE search_segments s SET claimed_until = now() + $1::float8 * interval '1 second'
FROM (SELECT account_id, segment FROM search_segments WHERE complete AND signature IS NULL AND claimed_until < now()
      ORDER BY claimed_until LIMIT 1 FOR UPDATE SKIP LOCKED) AS due
WHERE s.account_id = due.account_id AND s.segment = due.segment
RETURNING s.account_id::text, s.segment, s.version


-- name: search_seal
-- Store a signature, unless a chunk was changed since its version was read.
-- $1 uuid account, $2 integer segment, $3 integer version, $4 bytea
UPDATE search_segments SET signature = $4 WHERE account_id = $1 AND segment = $2 AND version = $3


-- name: search_texts
-- The texts of a segment's chunks.
-- $1 uuid account, $2 integer segment
SELECT chunk % 64, body || chr(10) || numbers FROM search_chunks
WHERE account_id = $1 AND chunk >= $2::integer * 64 AND chunk < $2::integer * 64 + 64

-- Queries of event_stream: each starts with a line `-- name:` and is described by the comment below it.


-- name: event_stream_join
-- Accounts made after their stream begin at the start of their feeds.
-- $1 text name
INSERT INTO event_stream_positions (stream, account_id, position)
SELECT $1, f.account_id, 0 FROM account_feeds f
WHERE f.position > 0 AND NOT EXISTS (SELECT FROM event_stream_positions s WHERE s.stream = $1 AND s.account_id = f.account_id)
ON CONFLICT DO NOTHING


-- name: event_stream_lock
-- Accounts whose feed has gone on since it was last written into a stream, locked for whoever writes.
-- $1 text name, $2 integer: how many
SELECT s.account_id::text, s.position, f.generation, f.position
FROM event_stream_positions s JOIN account_feeds f ON f.account_id = s.account_id
WHERE s.stream = $1 AND s.position < f.position
ORDER BY random() LIMIT $2
FOR UPDATE OF s SKIP LOCKED


-- name: event_stream_move
-- Up to where an account's feed is in a stream.
-- $1 text name, $2 uuid account, $3 bigint position
UPDATE event_stream_positions SET position = $3 WHERE stream = $1 AND account_id = $2


-- name: event_stream_start
-- Make a Redis stream known; the first time it begins where all feeds stand now.
-- $1 text name
WITH made AS (INSERT INTO event_streams (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING name)
INSERT INTO event_stream_positions (stream, account_id, position)
SELECT made.name, f.account_id, f.position FROM made, account_feeds f

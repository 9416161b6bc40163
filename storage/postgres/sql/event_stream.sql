-- How far account feeds have been copied into Redis streams and exchanges (delivery/event_log.py).


-- name: event_stream_join
-- Add accounts that are new since the stream was started, from the beginning of their feeds.
-- $1 text stream
INSERT INTO event_stream_positions (stream, account_id, position)
SELECT $1, f.account_id, 0 FROM account_feeds f
WHERE f.position > 0 AND NOT EXISTS (SELECT FROM event_stream_positions s WHERE s.stream = $1 AND s.account_id = f.account_id)
ON CONFLICT DO NOTHING


-- name: event_stream_lock
-- Lock accounts whose feed is ahead of the stream.
-- $1 text stream, $2 integer limit
SELECT s.account_id::text, s.position, f.generation, f.position
FROM event_stream_positions s JOIN account_feeds f ON f.account_id = s.account_id
WHERE s.stream = $1 AND s.position < f.position
ORDER BY random() LIMIT $2
FOR UPDATE OF s SKIP LOCKED


-- name: event_stream_move
-- Advance an account's position in a stream.
-- $1 text stream, $2 uuid account, $3 bigint position
UPDATE event_stream_positions SET position = $3 WHERE stream = $1 AND account_id = $2


-- name: event_stream_note
-- Note why nothing can be written to a stream, or that it can.
-- $1 text stream, $2 text fault or null
UPDATE event_streams SET fault = $2, fault_at = CASE WHEN $2::text IS NOT NULL THEN now() END
WHERE name = $1 AND ($2::text IS NOT NULL OR fault IS NOT NULL)


-- name: event_stream_faults
-- The streams to which nothing can be written, and why. A fault is noted again at least every 40 s while it lasts.
-- $1 text[] streams
SELECT name, fault FROM event_streams WHERE name = ANY ($1) AND fault IS NOT NULL AND fault_at > now() - interval '2 minutes'


-- name: event_stream_start
-- Register a stream. A new one starts at the present end of all feeds.
-- $1 text stream
WITH made AS (INSERT INTO event_streams (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING name)
INSERT INTO event_stream_positions (stream, account_id, position)
SELECT made.name, f.account_id, f.position FROM made, account_feeds f

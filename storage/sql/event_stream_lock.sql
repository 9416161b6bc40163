-- Accounts whose feed has gone on since it was last written into a stream, locked for whoever writes.
-- $1 text name, $2 integer: how many
SELECT s.account_id::text, s.position, f.generation, f.position
FROM event_stream_positions s JOIN account_feeds f ON f.account_id = s.account_id
WHERE s.stream = $1 AND s.position < f.position
ORDER BY random() LIMIT $2
FOR UPDATE OF s SKIP LOCKED

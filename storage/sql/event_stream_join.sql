-- Accounts made after their stream begin at the start of their feeds.
-- $1 text name
INSERT INTO event_stream_positions (stream, account_id, position)
SELECT $1, f.account_id, 0 FROM account_feeds f
WHERE f.position > 0 AND NOT EXISTS (SELECT FROM event_stream_positions s WHERE s.stream = $1 AND s.account_id = f.account_id)
ON CONFLICT DO NOTHING

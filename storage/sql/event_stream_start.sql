-- Make a Redis stream known; the first time it begins where all feeds stand now.
-- $1 text name
WITH made AS (INSERT INTO event_streams (name) VALUES ($1) ON CONFLICT DO NOTHING RETURNING name)
INSERT INTO event_stream_positions (stream, account_id, position)
SELECT made.name, f.account_id, f.position FROM made, account_feeds f

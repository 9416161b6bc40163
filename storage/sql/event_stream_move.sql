-- Up to where an account's feed is in a stream.
-- $1 text name, $2 uuid account, $3 bigint position
UPDATE event_stream_positions SET position = $3 WHERE stream = $1 AND account_id = $2

-- A customer's conversations on a channel, newest first.
-- $1 uuid account, $2 uuid channel, $3 text identifier
SELECT id::text FROM conversations WHERE account_id = $1 AND channel_id = $2 AND contact_identifier = $3
ORDER BY id DESC LIMIT 50

-- A provider's file that came along and is not taken.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text name, $5 text error
INSERT INTO attachments (id, account_id, channel_id, status, name, error) VALUES ($1, $2, $3, 'failed', $4, $5)
ON CONFLICT (id) DO NOTHING

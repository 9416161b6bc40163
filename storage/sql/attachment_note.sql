-- A provider's file that is still to be fetched; one that is known stays as it is.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text name, $5 text type, $6 bigint size, $7 text source as JSON
INSERT INTO attachments (id, account_id, channel_id, status, name, content_type, size, source, next_attempt_at)
VALUES ($1, $2, $3, 'pending', $4, $5, $6, $7::text::jsonb, now())
ON CONFLICT (id) DO NOTHING

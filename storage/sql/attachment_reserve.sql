-- A file whose bytes are about to be stored: from now on they are needed.
-- $1 uuid, $2 uuid account, $3 uuid channel, $4 text uploader type, $5 text uploader id, $6 text name, $7 text type,
-- $8 bigint size, $9 text digest
INSERT INTO attachments (id, account_id, channel_id, uploader_type, uploader_id, status, name, content_type, size, digest)
VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8, $9)
ON CONFLICT (id) DO NOTHING

-- Bytes that came to the store after their record had gone. $1 uuid account, $2 text digest
INSERT INTO attachment_garbage (account_id, digest) VALUES ($1, $2) ON CONFLICT DO NOTHING

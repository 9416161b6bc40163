id::text, account_id::text, conversation_id::text, channel_id::text, status, name, content_type, size, digest, error,
(extract(epoch FROM created_at) * 1000)::bigint, uploader_type, uploader_id

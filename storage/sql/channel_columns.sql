id::text, account_id::text, type, name, config::text, credentials, is_active,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint

id::text, account_id::text, short_code, title, content, category, created_by,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint

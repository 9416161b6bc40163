id::text, account_id::text, name, (extract(epoch FROM created_at) * 1000)::bigint,
(extract(epoch FROM last_used_at) * 1000)::bigint

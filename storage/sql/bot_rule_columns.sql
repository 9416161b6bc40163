id::text, account_id::text, name, priority, is_active, trigger_type, conditions::text, actions::text,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint

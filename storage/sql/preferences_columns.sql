id::text, account_id::text, user_id, available_channels, available_topics, available_hours::text, languages,
max_concurrent_conversations, is_available, auto_accept, notification_preferences::text,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint

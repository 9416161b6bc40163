w.id::text, w.account_id::text, w.url, w.description, w.event_types, w.is_active, w.secret,
(extract(epoch FROM w.previous_until) * 1000)::bigint, w.generation, w.position,
(extract(epoch FROM w.failing_since) * 1000)::bigint, (extract(epoch FROM w.disabled_at) * 1000)::bigint, w.disabled_reason,
(extract(epoch FROM w.created_at) * 1000)::bigint, (extract(epoch FROM w.updated_at) * 1000)::bigint

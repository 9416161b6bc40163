d.id::text, d.account_id::text, d.webhook_id::text, d.event_id, d.event_type, d.status, d.attempts,
(extract(epoch FROM d.next_attempt_at) * 1000)::bigint, d.response_status, d.response_excerpt, d.error, d.duration_ms,
(extract(epoch FROM d.created_at) * 1000)::bigint, (extract(epoch FROM d.delivered_at) * 1000)::bigint

c.id::text, c.account_id::text, c.channel_id::text, c.channel_type, c.contact_id::text, c.contact_identifier,
(extract(epoch FROM c.created_at) * 1000)::bigint, (extract(epoch FROM c.updated_at) * 1000)::bigint,
(extract(epoch FROM c.waiting_since) * 1000)::bigint, c.topic, c.contact_name, c.outlet_id::text, c.status, c.priority,
c.subject, c.labels::text, c.assignee_id, c.team_id::text, c.handoff_requested, c.handoff_reason, c.bot_context::text,
c.metadata::text, c.seq, c.unread_count, (extract(epoch FROM c.first_reply_at) * 1000)::bigint,
(extract(epoch FROM c.last_message_at) * 1000)::bigint, c.last_message_preview,
(extract(epoch FROM c.snoozed_until) * 1000)::bigint, (extract(epoch FROM c.resolved_at) * 1000)::bigint,
(extract(epoch FROM c.archived_at) * 1000)::bigint, c.csat_due, c.routing::text

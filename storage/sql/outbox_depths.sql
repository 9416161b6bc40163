-- Unsent messages by channel.
SELECT channel_id::text, count(*) FROM outbox WHERE status IN ('queued', 'sending') GROUP BY channel_id

-- Unsent messages by channel, with its type.
SELECT w.channel_id::text, coalesce(c.type, 'unknown'), w.count FROM (
  SELECT channel_id, count(*) FROM outbox WHERE status IN ('queued', 'sending') GROUP BY channel_id) AS w
LEFT JOIN channels c ON c.id = w.channel_id

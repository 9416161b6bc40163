-- Channels with queued messages, and the seconds until the first is due: one step in the index for each channel.
WITH RECURSIVE first AS (
  (SELECT channel_id, next_attempt_at FROM outbox WHERE status = 'queued' ORDER BY channel_id, next_attempt_at LIMIT 1)
  UNION ALL
  SELECT n.channel_id, n.next_attempt_at FROM first f CROSS JOIN LATERAL (
    SELECT o.channel_id, o.next_attempt_at FROM outbox o WHERE o.status = 'queued' AND o.channel_id > f.channel_id
    ORDER BY o.channel_id, o.next_attempt_at LIMIT 1) AS n)
SELECT channel_id::text, greatest(0, extract(epoch FROM next_attempt_at - now()))::float8 FROM first

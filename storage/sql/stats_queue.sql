-- Conversations that wait for somebody, and since when the oldest does (ms).
SELECT count(*), (extract(epoch FROM min(waiting_since)) * 1000)::bigint FROM conversations WHERE status = 'open' AND snoozed_until IS NULL

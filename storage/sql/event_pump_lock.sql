-- Webhooks whose account's feed has gone on, locked for whoever pumps; those waiting longest first. One with too many
-- deliveries unsettled waits until some are: the feed keeps what comes for it. Others' hands are left alone.
-- $1 integer: how many, $2 integer: unsettled deliveries at which a webhook is full
SELECT w.id::text, w.account_id::text, w.event_types, least(w.position, f.position), f.generation, f.position
FROM event_webhooks w JOIN account_feeds f ON f.account_id = w.account_id
WHERE w.is_active AND (w.position < f.position OR w.generation <> f.generation)
  AND (SELECT count(*) FROM (SELECT FROM event_deliveries d WHERE d.webhook_id = w.id AND d.status = 'pending' LIMIT $2) AS p)
    < $2
ORDER BY w.pumped_at LIMIT $1
FOR NO KEY UPDATE OF w SKIP LOCKED

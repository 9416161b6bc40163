-- Delete what the log of deliveries need not keep: settled ones that are too old, and those beyond a number per webhook.
-- $1 float: days, $2 integer: per webhook, $3 integer: webhooks at most a call, those pumped last
WITH over AS (
  SELECT x.id FROM (SELECT id FROM event_webhooks ORDER BY pumped_at DESC LIMIT $3) AS w
  CROSS JOIN LATERAL (
    SELECT y.created_at FROM (
      (SELECT created_at FROM event_deliveries WHERE webhook_id = w.id ORDER BY created_at DESC, id DESC OFFSET $2 LIMIT 1)
      UNION ALL SELECT now() - make_interval(secs => $1 * 86400)) AS y
    ORDER BY y.created_at DESC LIMIT 1) AS edge
  CROSS JOIN LATERAL (
    SELECT d.id FROM event_deliveries d WHERE d.webhook_id = w.id AND d.created_at <= edge.created_at
      AND d.status IN ('delivered', 'failed')
    ORDER BY d.created_at LIMIT 10000) AS x
  LIMIT 20000),
gone AS (DELETE FROM event_deliveries WHERE id IN (SELECT id FROM over) RETURNING 1)
SELECT count(*) FROM gone

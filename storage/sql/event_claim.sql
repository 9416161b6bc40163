-- Claim due deliveries of locked webhooks, in the order of the feed. A webhook that fails gets one attempt at a time: its
-- time-outs must not hold what healthy ones could use.
-- $1 uuid[] webhooks, $2 integer: under way per healthy webhook, $3 integer: how many in all, $4 float: seconds to hold them
WITH due AS (
  SELECT d.id, row_number() OVER (ORDER BY d.place) AS place
  FROM event_webhooks w CROSS JOIN LATERAL (
    SELECT q.id, row_number() OVER (ORDER BY q.next_attempt_at, q.id) AS place FROM event_deliveries q
    WHERE q.webhook_id = w.id AND q.status = 'pending' AND q.next_attempt_at <= now()
    ORDER BY q.next_attempt_at, q.id
    LIMIT greatest(0, CASE WHEN w.failing_since IS NULL THEN $2 ELSE 1 END
                      - (SELECT count(*) FROM event_deliveries u WHERE u.webhook_id = w.id AND u.status = 'delivering'))
  ) AS d
  WHERE w.id = ANY ($1::uuid[])
  ORDER BY d.place LIMIT $3),
claimed AS (
  UPDATE event_deliveries d SET status = 'delivering', attempts = d.attempts + 1, next_attempt_at = NULL,
    claimed_until = now() + make_interval(secs => $4)
  FROM due WHERE d.id = due.id AND d.status = 'pending'
  RETURNING due.place, d.id, d.webhook_id, d.event_id, d.payload, d.attempts)
SELECT c.id::text, c.event_id, c.payload, c.attempts, {{columns}}
FROM claimed c JOIN event_webhooks w ON w.id = c.webhook_id ORDER BY c.place

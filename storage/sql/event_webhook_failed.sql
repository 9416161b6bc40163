-- A webhook failed, and is switched off where it is gone or has failed for too long. Returns the account and the reason then.
-- $1 uuid, $2 boolean gone, $3 float: seconds of nothing but failures that are too long
UPDATE event_webhooks w SET failing_since = coalesce(w.failing_since, now()),
  is_active = NOT v.over, disabled_at = CASE WHEN v.over THEN now() END,
  disabled_reason = CASE WHEN v.over THEN CASE WHEN $2 THEN 'gone' ELSE 'failing' END END
FROM (SELECT id, $2 OR coalesce(failing_since < now() - make_interval(secs => $3), false) AS over FROM event_webhooks
      WHERE id = $1 FOR NO KEY UPDATE) AS v
WHERE w.id = v.id AND w.is_active RETURNING w.account_id::text, w.disabled_reason

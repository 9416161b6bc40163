-- Change an event webhook. Switched on again it begins where the feed stands now, with a clean record.
-- $1 uuid, $2 text url or null, $3 boolean whether to set the description, $4 text description, $5 text[] event types or
-- null, $6 boolean active or null
UPDATE event_webhooks w SET
  url = coalesce($2, w.url),
  description = CASE WHEN $3 THEN $4 ELSE w.description END,
  event_types = coalesce($5, w.event_types),
  is_active = coalesce($6, w.is_active),
  position = CASE WHEN $6 AND NOT w.is_active THEN f.position ELSE w.position END,
  generation = CASE WHEN $6 AND NOT w.is_active THEN f.generation ELSE w.generation END,
  failing_since = CASE WHEN $6 AND NOT w.is_active THEN NULL ELSE w.failing_since END,
  disabled_at = CASE WHEN $6 THEN NULL ELSE w.disabled_at END,
  disabled_reason = CASE WHEN $6 THEN NULL ELSE w.disabled_reason END,
  updated_at = now()
FROM account_feeds f WHERE w.id = $1 AND f.account_id = w.account_id
RETURNING {{columns}}

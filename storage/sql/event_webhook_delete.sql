-- Delete an event webhook, and with it its deliveries.
-- $1 uuid
DELETE FROM event_webhooks WHERE id = $1 RETURNING url

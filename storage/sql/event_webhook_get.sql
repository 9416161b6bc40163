-- An event webhook.
-- $1 uuid
SELECT {{columns}} FROM event_webhooks w WHERE w.id = $1

-- A delivery with what is sent.
-- $1 uuid webhook, $2 uuid
SELECT d.payload, {{columns}} FROM event_deliveries d WHERE d.id = $2 AND d.webhook_id = $1

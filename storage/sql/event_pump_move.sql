-- Up to where a webhook's feed is turned into deliveries.
-- $1 uuid webhook, $2 bigint position, $3 text generation
UPDATE event_webhooks SET position = $2, generation = $3, pumped_at = clock_timestamp() WHERE id = $1

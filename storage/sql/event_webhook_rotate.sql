-- Replace an event webhook's secret, unless somebody else did meanwhile.
-- $1 uuid, $2 bytea the secret as it was read, $3 bytea the new one, $4 bigint ms until which the old one signs too
UPDATE event_webhooks w SET secret = $3, previous_until = to_timestamp($4 / 1000.0), updated_at = now()
WHERE w.id = $1 AND w.secret = $2 RETURNING {{columns}}

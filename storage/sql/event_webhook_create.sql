-- A new event webhook, which begins where the account's feed stands. No row: no such account.
-- $1 uuid, $2 uuid account, $3 text url, $4 text description, $5 text[] event types, $6 boolean active, $7 bytea secret
INSERT INTO event_webhooks AS w (id, account_id, url, description, event_types, is_active, secret, generation, position)
SELECT $1, f.account_id, $3, $4, $5, $6, $7, f.generation, f.position FROM account_feeds f WHERE f.account_id = $2
RETURNING {{columns}}

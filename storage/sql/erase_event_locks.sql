-- Hold whoever turns an account's feed into deliveries until its customer is erased.
-- $1 uuid account
SELECT FROM event_webhooks WHERE account_id = $1 ORDER BY id FOR UPDATE

-- How many event webhooks the account has; its row is locked, so that two who count do not both add the last one.
-- $1 uuid account
SELECT (SELECT count(*) FROM event_webhooks) FROM (SELECT FROM accounts WHERE id = $1 FOR NO KEY UPDATE) AS locked

-- How many event webhooks the account has.
SELECT count(*) FROM event_webhooks

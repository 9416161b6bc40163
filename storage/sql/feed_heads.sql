-- Where feeds stand.
-- $1 uuid[]: accounts
SELECT account_id::text, generation, position, kept_from FROM account_feeds WHERE account_id = ANY ($1::uuid[])

-- Account and secret's hash of an api client, across accounts.
-- $1 uuid
SELECT account_id::text, secret_hash FROM api_clients WHERE id = $1

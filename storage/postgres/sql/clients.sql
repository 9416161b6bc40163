-- API clients and their revocations (accounts/clients.py).


-- name: client_columns
-- Columns of an ApiClient, in the order of its fields.
id::text, account_id::text, name, (extract(epoch FROM created_at) * 1000)::bigint,
(extract(epoch FROM last_used_at) * 1000)::bigint


-- name: client_by_secret
-- The API client with a secret, across accounts; notes that it is used, so that its deletion will be recorded.
-- $1 bytea hash of the secret
UPDATE api_clients SET last_used_at = now() WHERE secret_hash = $1 RETURNING id::text, account_id::text


-- name: client_create
-- Create an API client.
-- $1 uuid, $2 uuid account, $3 text name, $4 bytea hash of the secret
INSERT INTO api_clients (id, account_id, name, secret_hash) VALUES ($1, $2, $3, $4) RETURNING {{columns}}


-- name: client_delete
-- Delete an API client. A trigger records the revocation while tokens of it may still be valid.
-- $1 uuid
DELETE FROM api_clients WHERE id = $1 RETURNING name


-- name: client_secret
-- Account and hashed secret of an API client, across accounts.
-- $1 uuid
SELECT account_id::text, secret_hash FROM api_clients WHERE id = $1


-- name: client_used
-- Note that an API client was issued a token. Returns no row if it has been deleted.
-- $1 uuid
UPDATE api_clients SET last_used_at = now() WHERE id = $1 RETURNING true


-- name: clients_page
-- A page of API clients, oldest first, each row with its sort key in front.
-- $1 bigint and $2 uuid: time (µs) and id of the last row seen, or null, $3 limit
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM api_clients
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3


-- name: clients_revoked
-- API clients that were deleted, across accounts, with the time in µs.
-- $1 bigint since (µs), or null for all that are kept
SELECT client_id::text, (extract(epoch FROM revoked_at) * 1000000)::bigint FROM api_client_revocations
WHERE revoked_at > coalesce(to_timestamp($1::bigint / 1000000.0), now() - interval '2 hours')
ORDER BY revoked_at

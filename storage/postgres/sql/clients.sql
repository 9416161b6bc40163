-- Queries of clients: each starts with a line `-- name:` and is described by the comment below it.


-- name: client_columns
-- Client columns, in the order that rows.py reads.
id::text, account_id::text, name, (extract(epoch FROM created_at) * 1000)::bigint,
(extract(epoch FROM last_used_at) * 1000)::bigint


-- name: client_create
-- A new api client.
-- $1 uuid, $2 uuid account, $3 text name, $4 bytea hash of the secret
INSERT INTO api_clients (id, account_id, name, secret_hash) VALUES ($1, $2, $3, $4) RETURNING {{columns}}


-- name: client_delete
-- Delete an api client.
-- $1 uuid
DELETE FROM api_clients WHERE id = $1 RETURNING name


-- name: client_secret
-- Account and secret's hash of an api client, across accounts.
-- $1 uuid
SELECT account_id::text, secret_hash FROM api_clients WHERE id = $1


-- name: client_used
-- An api client is given a token; nothing where it was deleted meanwhile.
-- $1 uuid
UPDATE api_clients SET last_used_at = now() WHERE id = $1 RETURNING true


-- name: clients_page
-- Api clients, oldest first; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM api_clients
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3


-- name: clients_revoked
-- Api clients that were deleted, across accounts, with their time in µs.
-- $1 bigint: since when, or null for all that are kept
SELECT client_id::text, (extract(epoch FROM revoked_at) * 1000000)::bigint FROM api_client_revocations
WHERE revoked_at > coalesce(to_timestamp($1::bigint / 1000000.0), now() - interval '2 hours')
ORDER BY revoked_at

-- A new api client.
-- $1 uuid, $2 uuid account, $3 text name, $4 bytea hash of the secret
INSERT INTO api_clients (id, account_id, name, secret_hash) VALUES ($1, $2, $3, $4) RETURNING {{columns}}

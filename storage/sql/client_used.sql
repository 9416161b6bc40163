-- An api client was given a token.
-- $1 uuid
UPDATE api_clients SET last_used_at = now() WHERE id = $1

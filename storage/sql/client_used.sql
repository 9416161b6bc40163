-- An api client is given a token; nothing where it was deleted meanwhile.
-- $1 uuid
UPDATE api_clients SET last_used_at = now() WHERE id = $1 RETURNING true

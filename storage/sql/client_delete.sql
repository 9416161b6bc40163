-- Delete an api client.
-- $1 uuid
DELETE FROM api_clients WHERE id = $1 RETURNING name

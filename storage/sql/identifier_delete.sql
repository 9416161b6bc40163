-- Delete an identifier.
-- $1 uuid
DELETE FROM contact_identifiers WHERE id = $1 RETURNING true

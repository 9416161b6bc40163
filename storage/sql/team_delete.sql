-- Delete a team that nobody sees any more.
-- $1 uuid
DELETE FROM teams WHERE id = $1 AND deleted_at IS NOT NULL RETURNING name

-- Delete a canned response.
-- $1 uuid
DELETE FROM canned_responses WHERE id = $1 RETURNING short_code

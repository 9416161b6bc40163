-- Point a contact, and what was merged into it before, to another, and move the identifiers.
-- $1 uuid from, $2 uuid into
WITH moved AS (
  UPDATE contact_identifiers SET contact_id = $2, updated_at = now() WHERE contact_id = $1 RETURNING id)
UPDATE contacts SET merged_into = $2, updated_at = now()
WHERE id = $1 OR merged_into = $1 RETURNING (SELECT count(*) FROM moved)

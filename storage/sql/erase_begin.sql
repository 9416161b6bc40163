-- Take away what names a contact, and the contacts merged into it; their ids stay until the end of the erasure.
-- $1 uuid
WITH meant AS (SELECT id FROM contacts WHERE id = $1 OR merged_into = $1),
gone AS (DELETE FROM contact_identifiers WHERE contact_id IN (SELECT id FROM meant))
UPDATE contacts SET name = NULL, attributes = '{}', updated_at = now() WHERE id IN (SELECT id FROM meant)
RETURNING id::text

-- Delete a contact, its identifiers, and what was merged into it, unless one of them has conversations.
-- Returns whether there is such a contact, and whether it was deleted.
-- $1 uuid
WITH gone AS (
  DELETE FROM contacts k WHERE (k.id = $1 OR k.merged_into = $1)
    AND NOT EXISTS (SELECT FROM conversations c WHERE c.account_id = k.account_id
                    AND c.contact_id IN (SELECT m.id FROM contacts m WHERE m.id = $1 OR m.merged_into = $1))
  RETURNING k.id)
SELECT EXISTS (SELECT FROM contacts WHERE id = $1), EXISTS (SELECT FROM gone)

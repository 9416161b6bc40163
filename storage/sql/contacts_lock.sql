-- Lock contacts in the order of their ids; with what they were merged into.
-- $1 uuid[]
SELECT id::text, merged_into::text, name FROM contacts WHERE id = ANY ($1::uuid[]) ORDER BY id FOR UPDATE

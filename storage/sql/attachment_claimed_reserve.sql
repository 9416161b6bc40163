-- The same for a claimed one that has been fetched; no row where the claim is another's by now.
-- $1 uuid, $2 integer attempt, $3 text type, $4 bigint size, $5 text digest
UPDATE attachments SET content_type = $3, size = $4, digest = $5
WHERE id = $1 AND attempts = $2 AND status = 'pending'
RETURNING id::text

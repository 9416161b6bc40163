-- Change an identifier.
-- $1 uuid, $2 uuid contact or null, $3 boolean whether to set the name, $4 text display name, $5 text metadata or null
UPDATE contact_identifiers i SET contact_id = coalesce($2::uuid, contact_id),
  display_name = CASE WHEN $3 THEN $4 ELSE display_name END, metadata = coalesce($5::text::jsonb, metadata),
  updated_at = now()
WHERE i.id = $1 RETURNING {{columns}}

-- Change a contact that was not merged; true where there was one.
-- $1 uuid, $2 boolean whether to set the name, $3 text name, $4 text attributes as JSON or null
UPDATE contacts SET name = CASE WHEN $2 THEN $3 ELSE name END, attributes = coalesce($4::text::jsonb, attributes),
  updated_at = now()
WHERE id = $1 AND merged_into IS NULL RETURNING true

-- Change a team.
-- $1 uuid, $2 text name or null, $3 text the name folded, $4 boolean whether to set the description, $5 text description
UPDATE teams SET name = coalesce($2, name), name_key = coalesce($3, name_key),
  description = CASE WHEN $4 THEN $5 ELSE description END, updated_at = now()
WHERE id = $1 AND deleted_at IS NULL RETURNING {{columns}}

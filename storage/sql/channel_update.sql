-- Change a channel.
-- $1 uuid, $2 text name or null, $3 text config as JSON or null, $4 boolean whether to set the credentials,
-- $5 bytea credentials, $6 boolean active or null
UPDATE channels SET name = coalesce($2, name), config = coalesce($3::text::jsonb, config),
  credentials = CASE WHEN $4 THEN $5 ELSE credentials END, is_active = coalesce($6, is_active), updated_at = now()
WHERE id = $1 RETURNING {{columns}}

-- Change an account.
-- $1 uuid, $2 text name or null, $3 text settings as JSON or null
UPDATE accounts SET name = coalesce($2, name), settings = coalesce($3::text::jsonb, settings), updated_at = now()
WHERE id = $1 RETURNING {{columns}}

-- A team goes: from now on nobody sees it.
-- $1 uuid
UPDATE teams SET deleted_at = coalesce(deleted_at, now()) WHERE id = $1 RETURNING true

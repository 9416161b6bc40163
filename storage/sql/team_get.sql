-- One team.
-- $1 uuid
SELECT {{columns}} FROM teams WHERE id = $1 AND deleted_at IS NULL

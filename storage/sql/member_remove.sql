-- Take somebody out of a team.
-- $1 uuid team, $2 text user
DELETE FROM team_members m USING teams t
WHERE m.team_id = $1 AND m.user_id = $2 AND t.id = m.team_id AND t.deleted_at IS NULL RETURNING true

-- A member of a team.
-- $1 uuid team, $2 text user
SELECT {{columns}} FROM team_members m JOIN agents a ON a.account_id = m.account_id AND a.user_id = m.user_id
WHERE m.team_id = $1 AND m.user_id = $2

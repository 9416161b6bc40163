-- Put an agent into a team; nothing where they are in it. Returns whether they were not.
-- $1 uuid account, $2 uuid team, $3 text user
INSERT INTO team_members (account_id, team_id, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true

-- Teams and their members (accounts/teams.py).


-- name: member_columns
-- Columns of a TeamMember, in the order of its fields.
m.id::text, m.team_id::text, m.user_id, a.name, (extract(epoch FROM m.created_at) * 1000)::bigint


-- name: team_columns
-- Columns of a Team, in the order of its fields.
id::text, account_id::text, name, description,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: member_add
-- Add an agent to a team. Returns a row if the agent is new in it.
-- $1 uuid account, $2 uuid team, $3 text user
INSERT INTO team_members (account_id, team_id, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true


-- name: member_get
-- One member of a team.
-- $1 uuid team, $2 text user
SELECT {{columns}} FROM team_members m JOIN agents a ON a.account_id = m.account_id AND a.user_id = m.user_id
WHERE m.team_id = $1 AND m.user_id = $2


-- name: member_remove
-- Remove an agent from a team. Returns a row if the agent was in it.
-- $1 uuid team, $2 text user
DELETE FROM team_members m USING teams t
WHERE m.team_id = $1 AND m.user_id = $2 AND t.id = m.team_id AND t.deleted_at IS NULL RETURNING true


-- name: members_page
-- A page of a team's members, in the order they joined, each row with its sort key in front.
-- $1 uuid team, $2 bigint and $3 uuid: time (µs) and id of the last row seen, or null, $4 limit
SELECT (extract(epoch FROM m.created_at) * 1000000)::bigint, {{columns}} FROM team_members m
JOIN agents a ON a.account_id = m.account_id AND a.user_id = m.user_id
WHERE m.team_id = $1 AND ($2::bigint IS NULL OR (m.created_at, m.id) > (to_timestamp($2 / 1000000.0), $3::uuid))
ORDER BY m.created_at, m.id LIMIT $4


-- name: team_conversations
-- A team's conversations that are not closed or expired.
-- $1 uuid account, $2 uuid team
SELECT id::text FROM conversations WHERE account_id = $1 AND team_id = $2 AND status NOT IN ('closed', 'expired')
ORDER BY id


-- name: team_create
-- Create a team.
-- $1 uuid, $2 uuid account, $3 text name, $4 text folded name, $5 text description
INSERT INTO teams (id, account_id, name, name_key, description) VALUES ($1, $2, $3, $4, $5) RETURNING {{columns}}


-- name: team_delete
-- Delete a team that is hidden already.
-- $1 uuid
DELETE FROM teams WHERE id = $1 AND deleted_at IS NOT NULL RETURNING name


-- name: team_get
-- One team.
-- $1 uuid
SELECT {{columns}} FROM teams WHERE id = $1 AND deleted_at IS NULL


-- name: team_leave
-- Hide a team, before its conversations leave it.
-- $1 uuid
UPDATE teams SET deleted_at = coalesce(deleted_at, now()) WHERE id = $1 RETURNING true


-- name: team_named
-- The team with a name.
-- $1 uuid account, $2 text folded name
SELECT id::text FROM teams WHERE account_id = $1 AND name_key = $2 AND deleted_at IS NULL


-- name: team_update
-- Change a team. Null leaves a field as it is.
-- $1 uuid, $2 text name, $3 text folded name, $4 boolean whether to set the description, $5 text description
UPDATE teams SET name = coalesce($2, name), name_key = coalesce($3, name_key),
  description = CASE WHEN $4 THEN $5 ELSE description END, updated_at = now()
WHERE id = $1 AND deleted_at IS NULL RETURNING {{columns}}


-- name: teams_page
-- A page of teams, oldest first, each row with its sort key in front.
-- $1 bigint and $2 uuid: time (µs) and id of the last row seen, or null, $3 limit
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM teams
WHERE deleted_at IS NULL AND ($1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid))
ORDER BY created_at, id LIMIT $3

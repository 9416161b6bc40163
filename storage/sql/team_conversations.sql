-- The conversations of a team that may still be gone on with.
-- $1 uuid account, $2 uuid team
SELECT id::text FROM conversations WHERE account_id = $1 AND team_id = $2 AND status NOT IN ('closed', 'expired')
ORDER BY id

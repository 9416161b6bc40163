-- One agent.
-- $1 uuid account, $2 text user
SELECT user_id, name FROM agents WHERE account_id = $1 AND user_id = $2

-- One agent's preferences.
-- $1 uuid account, $2 text user
SELECT {{columns}} FROM agent_preferences WHERE account_id = $1 AND user_id = $2

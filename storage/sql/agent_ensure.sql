-- An agent and default preferences on first use; a name that is given is the agent's from now on.
-- $1 uuid account, $2 text user, $3 text name or null, $4 text the name folded, or null
WITH agent AS (
  INSERT INTO agents (account_id, user_id, name, name_key) VALUES ($1, $2, $3, $4)
  ON CONFLICT (account_id, user_id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key
  WHERE excluded.name IS NOT NULL AND agents.name IS DISTINCT FROM excluded.name)
INSERT INTO agent_preferences (account_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING

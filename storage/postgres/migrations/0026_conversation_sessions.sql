-- The session ids under which the sync dialect's clients know conversations, with the bot and the outlet as they name them.
-- Written once. A session id holds the customer's number: erasure deletes the row.
CREATE TABLE conversation_sessions (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  session_id text NOT NULL,
  conversation_id uuid NOT NULL REFERENCES conversations ON DELETE CASCADE,
  bot_id text,
  local_id text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (account_id, session_id)
);
CREATE UNIQUE INDEX conversation_sessions_conversation ON conversation_sessions (conversation_id);
ALTER TABLE conversation_sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE conversation_sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY system_work ON conversation_sessions TO tertulia_system USING (true) WITH CHECK (true);
CREATE POLICY own_account ON conversation_sessions TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT, UPDATE, DELETE ON conversation_sessions TO tertulia_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON conversation_sessions TO tertulia_system;
-- An API client's secret may be sent as it is: it is looked up by its hash.
CREATE UNIQUE INDEX api_clients_secret ON api_clients (secret_hash);

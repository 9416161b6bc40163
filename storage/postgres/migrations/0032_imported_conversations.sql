-- Which conversations of another service `tertulia import` has carried over, so that it can be interrupted and repeated. A row is
-- written by the transaction that stores the conversation, and outlives it: who was erased here is not carried over again.
CREATE TABLE imported_conversations (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  source text NOT NULL,
  -- a digest, since the other service's ids may contain the customer's number
  source_key bytea NOT NULL,
  conversation_id uuid NOT NULL,
  messages integer NOT NULL,
  set_aside integer NOT NULL,
  imported_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (account_id, source, source_key)
);
ALTER TABLE imported_conversations ENABLE ROW LEVEL SECURITY;
ALTER TABLE imported_conversations FORCE ROW LEVEL SECURITY;
CREATE POLICY system_work ON imported_conversations TO tertulia_system USING (true) WITH CHECK (true);
CREATE POLICY own_account ON imported_conversations TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT ON imported_conversations TO tertulia_system;

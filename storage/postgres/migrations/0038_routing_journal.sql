-- The routing journal: what an account's desk was told, in order (core/routing/journal.py). Supervisors write it.
CREATE TABLE routing_entries (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  position bigint NOT NULL,
  at timestamptz NOT NULL,
  kind text NOT NULL,
  agent_id text,
  conversation_id uuid,
  data jsonb NOT NULL,
  PRIMARY KEY (account_id, position)
);
-- Where reading may begin for a time.
CREATE INDEX routing_entries_snapshots ON routing_entries (account_id, at, position) WHERE kind IN ('restored', 'checkpoint');

ALTER TABLE routing_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE routing_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY own_account ON routing_entries TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
CREATE POLICY system_work ON routing_entries TO tertulia_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON routing_entries TO tertulia_system;
GRANT SELECT ON routing_entries TO tertulia_app;

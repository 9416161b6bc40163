-- Commands under which hosts died, again and again: no host gets them any more (core/poison.py). `digests` are what they and their
-- repeats are known by. For gateways and operators alone: no tenant reads it, and nothing a customer wrote is in it.
CREATE TABLE set_aside_commands (
  id text PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  type text NOT NULL,
  target text NOT NULL,
  digests bytea[] NOT NULL,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX set_aside_commands_at ON set_aside_commands (at DESC);
CREATE INDEX set_aside_commands_account ON set_aside_commands (account_id);
ALTER TABLE set_aside_commands ENABLE ROW LEVEL SECURITY;
ALTER TABLE set_aside_commands FORCE ROW LEVEL SECURITY;
CREATE POLICY system_work ON set_aside_commands TO tertulia_system USING (true) WITH CHECK (true);
CREATE POLICY own_account ON set_aside_commands TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));

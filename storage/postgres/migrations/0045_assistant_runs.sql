-- Runs of the assistant: at most one of a conversation is under way. A row is gone once its newest message is answered.

CREATE TABLE assistant_runs (
  conversation_id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  seq integer NOT NULL,
  wanted_at timestamptz NOT NULL DEFAULT now(),
  attempts integer NOT NULL DEFAULT 0,
  claimed_by uuid,
  claimed_until timestamptz,
  cancelled boolean NOT NULL DEFAULT false
);
CREATE INDEX assistant_runs_claimed ON assistant_runs (claimed_by);

ALTER TABLE assistant_runs ENABLE ROW LEVEL SECURITY;
ALTER TABLE assistant_runs FORCE ROW LEVEL SECURITY;
CREATE POLICY own_account ON assistant_runs TO tertulia_app USING (account_id = (SELECT current_account()))
  WITH CHECK (account_id = (SELECT current_account()));
CREATE POLICY system_work ON assistant_runs TO tertulia_system USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, UPDATE, DELETE ON assistant_runs TO tertulia_app, tertulia_system;

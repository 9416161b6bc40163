-- The ledger of calls of language models, and what each account has used on each day (UTC). It holds no text that was sent or received.

CREATE TABLE model_calls (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  conversation_id uuid,
  purpose text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL DEFAULT '',
  outcome text NOT NULL DEFAULT 'running',
  tokens_in integer NOT NULL DEFAULT 0,
  tokens_out integer NOT NULL DEFAULT 0,
  cost double precision NOT NULL DEFAULT 0,
  ms integer,
  first_ms integer,
  begun_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX model_calls_recent ON model_calls (account_id, begun_at DESC);
CREATE INDEX model_calls_conversation ON model_calls (conversation_id) WHERE conversation_id IS NOT NULL;

CREATE TABLE model_usage (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  day date NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  purpose text NOT NULL,
  outcome text NOT NULL,
  calls bigint NOT NULL,
  tokens_in bigint NOT NULL,
  tokens_out bigint NOT NULL,
  cost double precision NOT NULL,
  ms bigint NOT NULL,
  PRIMARY KEY (account_id, day, provider, model, purpose, outcome)
);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['model_calls', 'model_usage'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('CREATE POLICY system_work ON %I TO tertulia_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO tertulia_app, tertulia_system', t);
  END LOOP;
END $$;

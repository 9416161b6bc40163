-- Two roles that log in by themselves, so that no session of the server is a superuser's or the owner's:
--
--   tertulia_app     what API requests read and write. Row-level security binds it to one account (0001).
--   tertulia_system  journal, activation, routing, delivery: work across accounts, by policies of its own.
--
-- Neither owns anything, neither is a member of another role: RESET ROLE and SET ROLE lead nowhere. `storage/roles.py`
-- lets them log in and checks them at every start. The owner (who runs migrations) is a member of tertulia_system, because
-- row-level security is forced: it binds the owner too, and functions that run as their owner need the whole table.
--
-- Whoever adds a table with customers' or accounts' data does for it what is done for all of them here: enable and force
-- row-level security, a policy own_account for tertulia_app, a policy system_work for tertulia_system.

DO $$
DECLARE
  t record;
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tertulia_system') THEN
    BEGIN
      CREATE ROLE tertulia_system NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
  END IF;
  IF NOT pg_has_role(current_user, 'tertulia_system', 'USAGE') THEN
    GRANT tertulia_system TO CURRENT_USER;
  END IF;

  EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema());  -- databases from before Postgres 15 have it
  EXECUTE format('GRANT USAGE ON SCHEMA %I TO tertulia_app, tertulia_system', current_schema());
  EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA %I TO tertulia_system', current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO tertulia_system',
                 current_schema());
  EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT EXECUTE ON FUNCTIONS TO tertulia_system', current_schema());
  REVOKE ALL ON schema_migrations FROM tertulia_system;

  FOR t IN
    SELECT c.oid::regclass AS name, c.relname, c.relispartition,
           EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'account_id') AS of_account,
           EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'own_account') AS bound
    FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      -- who runs what: no data of anybody, and nothing granted to tertulia_app
      AND c.relname NOT IN ('schema_migrations', 'hosts', 'partitions', 'supervisors', 'dispatchers')
      AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  LOOP
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t.name);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t.name);
    EXECUTE format('CREATE POLICY system_work ON %s TO tertulia_system USING (true) WITH CHECK (true)', t.name);
    IF t.of_account AND NOT t.bound AND NOT t.relispartition THEN
      EXECUTE format('CREATE POLICY own_account ON %s TO tertulia_app
                      USING (account_id = (SELECT current_account()))
                      WITH CHECK (account_id = (SELECT current_account()))', t.name);
    END IF;
  END LOOP;
END $$;

-- Months are made by a running server as well, whose role owns no table. `low` and `high` are the month's first id and the
-- next one's. Entries that came before their month was made stand in the default partition, and would forbid the new one.
CREATE FUNCTION make_entries_partition(name text, low uuid, high uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  IF name !~ '^entries_[0-9]{4}_[0-9]{2}$' THEN
    RAISE EXCEPTION 'not a month of entries: %', name;
  END IF;
  -- In this order: those who write entries lock the whole before its parts as well.
  LOCK TABLE entries IN ACCESS EXCLUSIVE MODE;
  EXECUTE format('CREATE TABLE %I (LIKE entries INCLUDING ALL)', name);
  EXECUTE format('WITH early AS (DELETE FROM entries_other WHERE conversation_id >= %L AND conversation_id < %L RETURNING *)
                  INSERT INTO %I SELECT * FROM early', low, high, name);
  EXECUTE format('ALTER TABLE entries ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, low, high);
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
  EXECUTE format('CREATE POLICY system_work ON %I TO tertulia_system USING (true) WITH CHECK (true)', name);
END $$;

-- Api clients that were deleted while they may still hold a token, which lives for an hour. Gateways look here several times a
-- second and refuse it; a row goes once the token has ended by itself.
CREATE TABLE api_client_revocations (
  client_id uuid PRIMARY KEY,
  account_id uuid NOT NULL,
  revoked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX api_client_revocations_time ON api_client_revocations (revoked_at);
ALTER TABLE api_client_revocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_client_revocations FORCE ROW LEVEL SECURITY;
CREATE POLICY own_account ON api_client_revocations TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
CREATE POLICY system_work ON api_client_revocations TO tertulia_system USING (true) WITH CHECK (true);
CREATE FUNCTION note_api_client_revocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  DELETE FROM api_client_revocations WHERE revoked_at < now() - interval '2 hours';
  INSERT INTO api_client_revocations (client_id, account_id) VALUES (OLD.id, OLD.account_id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
CREATE TRIGGER api_client_revocation AFTER DELETE ON api_clients
  FOR EACH ROW WHEN (OLD.last_used_at > now() - interval '2 hours') EXECUTE FUNCTION note_api_client_revocation();

-- The upkeep of indexes and months is for the owner alone; tertulia_system asks for it through these functions.
ALTER FUNCTION tidy_search_indexes() SECURITY DEFINER;
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOREACH f IN ARRAY ARRAY['tidy_search_indexes', 'make_entries_partition', 'note_api_client_revocation']::regproc[] LOOP
    EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', f, current_schema());
  END LOOP;
END $$;

-- Functions are everybody's unless one says otherwise: those of tertulia_app are named here.
DO $$
DECLARE
  f regprocedure;
BEGIN
  FOR f IN SELECT p.oid::regprocedure FROM pg_proc p
           WHERE p.pronamespace = current_schema()::regnamespace
             AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') LOOP
    EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f);
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tertulia_system', f);
  END LOOP;
  FOREACH f IN ARRAY ARRAY['current_account', 'inbox_page', 'contacts_matching', 'delivery_rank', 'receipt_key',
                           'lock_receipts', 'receive_receipts', 'lock_attachment_bytes']::regproc[] LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO tertulia_app', f);
  END LOOP;
END $$;

-- What tertulia_app was given and never uses. The hashes of api clients' secrets are read before an account is known.
REVOKE DELETE ON agents, agent_preferences FROM tertulia_app;
REVOKE UPDATE ON team_members FROM tertulia_app;
REVOKE INSERT, DELETE ON event_deliveries FROM tertulia_app;
REVOKE SELECT, UPDATE ON api_clients FROM tertulia_app;
GRANT SELECT (id, account_id, name, created_at, last_used_at) ON api_clients TO tertulia_app;
REVOKE UPDATE ON accounts FROM tertulia_app;
GRANT UPDATE (name, settings, updated_at) ON accounts TO tertulia_app;

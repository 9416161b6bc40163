-- Supervision: who balances which accounts' agents, what routing remembers of a conversation, and the fence on assignments.

-- One row for each shard of accounts. A supervisor that takes a shard over raises its epoch; what its predecessor still
-- has under way is refused from then on (see commit_batch).
CREATE TABLE supervisors (
  shard integer PRIMARY KEY,
  incarnation uuid NOT NULL,
  epoch bigint NOT NULL DEFAULT 1,
  registered_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

ALTER TABLE conversations ADD COLUMN routing jsonb NOT NULL DEFAULT '{}';

-- What a supervisor may have missed: an account's entries that are no messages, by their place in its feed.
CREATE INDEX entries_feed_events ON entries (account_id, position) WHERE kind <> 'message';

-- The agents of an account as decisions name them, slot by slot; a decision's record holds the digest.
CREATE TABLE routing_rosters (
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  digest text NOT NULL,
  agents jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (account_id, digest)
);
ALTER TABLE routing_rosters ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON routing_rosters TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT ON routing_rosters TO tertulia_app;

-- How often what routing goes by (preferences, teams, settings) has changed; supervisors look every second.
CREATE TABLE routing_changes (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);
CREATE FUNCTION note_routing_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO routing_changes AS r (account_id)
  SELECT a.id FROM accounts a
  WHERE a.id = (to_jsonb(coalesce(NEW, OLD)) ->> CASE WHEN TG_TABLE_NAME = 'accounts' THEN 'id' ELSE 'account_id' END)::uuid
  ON CONFLICT (account_id) DO UPDATE SET version = r.version + 1;
  RETURN NULL;
END $$;
ALTER FUNCTION note_routing_change() SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION note_routing_change() FROM PUBLIC;
CREATE TRIGGER routing_change AFTER UPDATE OF settings ON accounts
  FOR EACH ROW WHEN (OLD.settings IS DISTINCT FROM NEW.settings) EXECUTE FUNCTION note_routing_change();
CREATE TRIGGER routing_change AFTER INSERT OR UPDATE OR DELETE ON agent_preferences
  FOR EACH ROW EXECUTE FUNCTION note_routing_change();
CREATE TRIGGER routing_change AFTER INSERT OR DELETE ON team_members
  FOR EACH ROW EXECUTE FUNCTION note_routing_change();

-- commit_batch as the migrations before this one left it, with the new column, and with the supervisors' fence: those on
-- whose word a part of the batch rests are locked FOR SHARE and must still have the epoch they said; otherwise SQLSTATE
-- TE002 and nothing is written.
DO $$
DECLARE
  f regprocedure := 'commit_batch'::regproc;
  text_of text := pg_get_functiondef(f);
  step text;
BEGIN
  step := regexp_replace(text_of, '\)(\s+RETURNS bigint\[\])', ', s_shard integer[], s_epoch bigint[])\1');
  IF step = text_of THEN RAISE EXCEPTION 'commit_batch has no signature as expected'; END IF;
  text_of := step;
  step := regexp_replace(text_of, '(\n *IF cardinality\(p_external\) > 0 THEN)', E'
  IF cardinality(s_shard) > 0 THEN
    SELECT count(*) INTO standing FROM (
      SELECT 1 FROM supervisors s JOIN unnest(s_shard, s_epoch) AS w (shard, epoch) ON s.shard = w.shard AND s.epoch = w.epoch
      FOR SHARE OF s) AS held;
    IF standing <> cardinality(s_shard) THEN
      RAISE EXCEPTION ''stale supervisor'' USING ERRCODE = ''TE002'';
    END IF;
  END IF;
\\1');
  IF step = text_of THEN RAISE EXCEPTION 'commit_batch has no fence as expected'; END IF;
  text_of := step;
  step := replace(text_of, 'resolved_at = excluded.resolved_at,',
                  'resolved_at = excluded.resolved_at, routing = excluded.routing,');
  IF step = text_of THEN RAISE EXCEPTION 'commit_batch does not look as expected'; END IF;
  EXECUTE format('DROP FUNCTION %s', f);
  EXECUTE step;
END $$;

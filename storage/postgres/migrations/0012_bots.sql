-- Bot rules, and durable timers.

CREATE TABLE bot_rules (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name text NOT NULL,
  priority integer NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  trigger_type text NOT NULL,
  conditions jsonb NOT NULL DEFAULT '{}',
  actions jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX bot_rules_order ON bot_rules (account_id, is_active, priority);
CREATE INDEX bot_rules_account ON bot_rules (account_id, created_at, id);
ALTER TABLE bot_rules ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON bot_rules TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT, INSERT, UPDATE, DELETE ON bot_rules TO tertulia_app;

-- How often what conversations' turns go by (settings, rules, the texts and teams that rules name) has changed; hosts look
-- often.
CREATE TABLE account_rule_changes (
  account_id uuid PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
  version bigint NOT NULL DEFAULT 1
) WITH (fillfactor = 50);
ALTER TABLE account_rule_changes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_account ON account_rule_changes TO tertulia_app
  USING (account_id = (SELECT current_account())) WITH CHECK (account_id = (SELECT current_account()));
GRANT SELECT ON account_rule_changes TO tertulia_app;
CREATE FUNCTION note_account_rule_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
  INSERT INTO account_rule_changes AS r (account_id)
  SELECT a.id FROM accounts a
  WHERE a.id = (to_jsonb(coalesce(NEW, OLD)) ->> CASE WHEN TG_TABLE_NAME = 'accounts' THEN 'id' ELSE 'account_id' END)::uuid
  ON CONFLICT (account_id) DO UPDATE SET version = r.version + 1;
  RETURN NULL;
END $$;
ALTER FUNCTION note_account_rule_change() SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION note_account_rule_change() FROM PUBLIC;
CREATE TRIGGER account_rule_change AFTER UPDATE OF settings ON accounts
  FOR EACH ROW WHEN (OLD.settings IS DISTINCT FROM NEW.settings) EXECUTE FUNCTION note_account_rule_change();
CREATE TRIGGER account_rule_change AFTER INSERT OR UPDATE OR DELETE ON bot_rules
  FOR EACH ROW EXECUTE FUNCTION note_account_rule_change();
CREATE TRIGGER account_rule_change AFTER UPDATE OR DELETE ON canned_responses
  FOR EACH ROW EXECUTE FUNCTION note_account_rule_change();
CREATE TRIGGER account_rule_change AFTER UPDATE OR DELETE ON teams
  FOR EACH ROW EXECUTE FUNCTION note_account_rule_change();

-- `timer_at`: when a host has to look what is due, the earliest of whatever may be (see core/timers.py). `fired`: which timers
-- had their effect. Conversations from before this migration are looked at once.
ALTER TABLE conversations
  ADD COLUMN unanswered_since timestamptz,
  ADD COLUMN timer_at timestamptz,
  ADD COLUMN fired jsonb NOT NULL DEFAULT '{}';
UPDATE conversations SET timer_at = now() WHERE status NOT IN ('closed', 'expired');
CREATE INDEX conversations_timer ON conversations (timer_at) WHERE timer_at IS NOT NULL;

-- commit_batch as the migrations before this one left it, with the new columns: all three where a conversation changed, and
-- `unanswered_since` where a message merely touched it.
DO $$
DECLARE
  f regprocedure := 'commit_batch'::regproc;
  text_of text := pg_get_functiondef(f);
  step text;
  change text[];
BEGIN
  FOREACH change SLICE 1 IN ARRAY ARRAY[
    ['t_preview text[],', 't_preview text[], t_unanswered bigint[],'],
    ['resolved_at = excluded.resolved_at,', 'resolved_at = excluded.resolved_at, unanswered_since = excluded.unanswered_since,'
      || ' timer_at = excluded.timer_at, fired = excluded.fired,'],
    ['last_message_preview = t.preview', 'last_message_preview = t.preview,'
      || ' unanswered_since = to_timestamp(t.unanswered / 1000.0)'],
    ['t_last_message, t_preview)', 't_last_message, t_preview, t_unanswered)'],
    ['first_reply, last_message, preview)', 'first_reply, last_message, preview, unanswered)']
  ] LOOP
    step := replace(text_of, change[1], change[2]);
    IF step = text_of THEN RAISE EXCEPTION 'commit_batch does not look as expected: %', change[1]; END IF;
    text_of := step;
  END LOOP;
  EXECUTE format('DROP FUNCTION %s', f);
  EXECUTE text_of;
END $$;

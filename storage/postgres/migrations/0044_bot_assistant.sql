-- The feeds of accounts with an active bot rule that lets a language model answer are read too, whatever they want of suggestions.

CREATE FUNCTION wants_assistance(account uuid) RETURNS boolean STABLE LANGUAGE sql AS $$
  SELECT EXISTS (SELECT FROM accounts a WHERE a.id = account AND (
    coalesce(a.settings -> 'assistance' ->> 'suggestions', '') = 'inbound' OR EXISTS (
      SELECT FROM bot_rules r WHERE r.account_id = account AND r.is_active AND jsonb_typeof(r.actions -> 'assist') = 'object')))
$$;
REVOKE EXECUTE ON FUNCTION wants_assistance(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION wants_assistance(uuid) TO tertulia_app, tertulia_system;

CREATE OR REPLACE FUNCTION suggestion_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF wants_assistance(NEW.id) THEN
    INSERT INTO suggestion_cursors (account_id, position)
    SELECT NEW.id, coalesce((SELECT f.position FROM account_feeds f WHERE f.account_id = NEW.id), 0)
    ON CONFLICT DO NOTHING;
  ELSE
    DELETE FROM suggestion_cursors WHERE account_id = NEW.id;
    DELETE FROM suggestion_jobs WHERE account_id = NEW.id;
  END IF;
  RETURN NULL;
END $$;

-- A rule only starts the reading. After the last one is gone, what the bot still holds is read on, to be handed over.
CREATE FUNCTION bot_rule_cursor() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF wants_assistance(NEW.account_id) THEN
    INSERT INTO suggestion_cursors (account_id, position)
    SELECT NEW.account_id, coalesce((SELECT f.position FROM account_feeds f WHERE f.account_id = NEW.account_id), 0)
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
REVOKE EXECUTE ON FUNCTION bot_rule_cursor() FROM PUBLIC;
CREATE TRIGGER bot_rule_cursor AFTER INSERT OR UPDATE OF is_active, actions ON bot_rules
FOR EACH ROW EXECUTE FUNCTION bot_rule_cursor();

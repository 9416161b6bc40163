-- Whether some agent of an account speaks certain languages only is among what conversations' turns go by: then the language
-- of a new conversation is told before it is given to anybody. Hosts read it with the account's rules.
CREATE TRIGGER account_rule_change_insert AFTER INSERT ON agent_preferences
  FOR EACH ROW WHEN (NEW.languages <> '{}') EXECUTE FUNCTION note_account_rule_change();
CREATE TRIGGER account_rule_change_update AFTER UPDATE OF languages ON agent_preferences
  FOR EACH ROW WHEN ((OLD.languages <> '{}') <> (NEW.languages <> '{}')) EXECUTE FUNCTION note_account_rule_change();
CREATE TRIGGER account_rule_change_delete AFTER DELETE ON agent_preferences
  FOR EACH ROW WHEN (OLD.languages <> '{}') EXECUTE FUNCTION note_account_rule_change();

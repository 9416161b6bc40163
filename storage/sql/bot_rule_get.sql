-- One bot rule.
-- $1 uuid
SELECT {{columns}} FROM bot_rules WHERE id = $1

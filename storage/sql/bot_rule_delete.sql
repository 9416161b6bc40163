-- Delete a bot rule.
-- $1 uuid
DELETE FROM bot_rules WHERE id = $1 RETURNING name

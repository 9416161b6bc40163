-- A new bot rule, unless the account has as many as it may; who makes one holds a lock, so that they can be counted.
-- $1 uuid, $2 uuid account, $3 text name, $4 integer priority, $5 boolean is it active, $6 text trigger, $7 text conditions
-- as JSON, $8 text actions as JSON, $9 integer how many there may be
INSERT INTO bot_rules (id, account_id, name, priority, is_active, trigger_type, conditions, actions)
SELECT $1, $2::uuid, $3, $4, $5, $6, $7::jsonb, $8::jsonb
WHERE (SELECT count(*) FROM bot_rules WHERE account_id = $2::uuid) < $9
RETURNING {{columns}}

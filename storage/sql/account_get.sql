-- An account.
-- $1 uuid
SELECT {{columns}} FROM accounts WHERE id = $1

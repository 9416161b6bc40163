-- Hold the account's row, so that two who count what it has do not both add the last one.
-- $1 uuid account
SELECT id FROM accounts WHERE id = $1 FOR NO KEY UPDATE

-- Have an account's conversations looked through, in all partitions, by those who have read what it is set to now.
-- $1 uuid account, $2 integer[]: all partitions
INSERT INTO account_retimings AS r (account_id, version, waiting)
SELECT $1, coalesce((SELECT version FROM account_rule_changes WHERE account_id = $1), 0), $2
ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, waiting = excluded.waiting

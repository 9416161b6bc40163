-- Accounts: names and settings (accounts/accounts.py).


-- name: account_columns
-- Columns of an Account; accounts.py decodes the settings.
id::text, name, settings::text,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: account_get
-- One account.
-- $1 uuid
SELECT {{columns}} FROM accounts WHERE id = $1


-- name: account_update
-- Change an account. Null leaves a field as it is.
-- $1 uuid, $2 text name or null, $3 text settings as JSON or null
UPDATE accounts SET name = coalesce($2, name), settings = coalesce($3::text::jsonb, settings), updated_at = now()
WHERE id = $1 RETURNING {{columns}}


-- name: rescheduling_request
-- Ask for new timers in all of an account's conversations. Hosts must have read the present version of its settings
-- first.
-- $1 uuid account, $2 integer[] all partitions
INSERT INTO account_retimings AS r (account_id, version, waiting)
SELECT $1, coalesce((SELECT version FROM account_rule_changes WHERE account_id = $1), 0), $2
ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, waiting = excluded.waiting

-- How often what conversations go by has changed, of the accounts of which it has.
-- $1 uuid[]: accounts
SELECT account_id::text, version FROM account_rule_changes WHERE account_id = ANY ($1::uuid[])

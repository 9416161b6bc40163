-- Bot rules, what hosts read of accounts, and due timers (accounts/bots.py).


-- name: bot_rule_columns
-- Columns of a BotRuleRecord; bots.py decodes conditions and actions.
id::text, account_id::text, name, priority, is_active, trigger_type, conditions::text, actions::text,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: account_rule_versions
-- How often the rules of accounts have changed. Accounts without a change are left out.
-- $1 uuid[] accounts
SELECT account_id::text, version FROM account_rule_changes WHERE account_id = ANY ($1::uuid[])


-- name: account_rules
-- All that an account's conversations depend on: its settings, its active rules with the texts and teams they name, and
-- whether any agent has listed languages. One statement, so that the version belongs to exactly this content.
-- $1 uuid[] accounts
SELECT a.id::text, coalesce(v.version, 0), a.settings::text, (
  SELECT coalesce(jsonb_agg(jsonb_build_object(
    'id', r.id, 'name', r.name, 'priority', r.priority, 'trigger_type', r.trigger_type, 'conditions', r.conditions,
    'actions', r.actions, 'template', c.content, 'team', t.id IS NOT NULL)), '[]')
  FROM bot_rules r
  LEFT JOIN canned_responses c ON c.account_id = r.account_id AND c.id::text = r.actions ->> 'reply_template_id'
  LEFT JOIN teams t ON t.account_id = r.account_id AND t.id::text = r.actions ->> 'assign_team_id' AND t.deleted_at IS NULL
  WHERE r.account_id = a.id AND r.is_active)::text,
  EXISTS (SELECT FROM agent_preferences p WHERE p.account_id = a.id AND p.languages <> '{}')
FROM accounts a LEFT JOIN account_rule_changes v ON v.account_id = a.id WHERE a.id = ANY ($1::uuid[])


-- name: bot_rule_create
-- Create a bot rule, unless the account has its maximum. The caller holds a lock, so the count is exact.
-- $1 uuid, $2 uuid account, $3 text name, $4 integer priority, $5 boolean active, $6 text trigger, $7 text conditions
-- as JSON, $8 text actions as JSON, $9 integer maximum
INSERT INTO bot_rules (id, account_id, name, priority, is_active, trigger_type, conditions, actions)
SELECT $1, $2::uuid, $3, $4, $5, $6, $7::jsonb, $8::jsonb
WHERE (SELECT count(*) FROM bot_rules WHERE account_id = $2::uuid) < $9
RETURNING {{columns}}


-- name: bot_rule_delete
-- Delete a bot rule.
-- $1 uuid
DELETE FROM bot_rules WHERE id = $1 RETURNING name


-- name: bot_rule_get
-- One bot rule.
-- $1 uuid
SELECT {{columns}} FROM bot_rules WHERE id = $1


-- name: bot_rule_update
-- Change a bot rule. Null leaves a field as it is.
-- $1 uuid, $2 text name, $3 integer priority, $4 boolean active, $5 text trigger, $6 text conditions as JSON, $7 text
-- actions as JSON
UPDATE bot_rules SET name = coalesce($2, name), priority = coalesce($3, priority), is_active = coalesce($4, is_active),
  trigger_type = coalesce($5, trigger_type), conditions = coalesce($6::jsonb, conditions),
  actions = coalesce($7::jsonb, actions), updated_at = now()
WHERE id = $1 RETURNING {{columns}}


-- name: bot_rules_page
-- A page of bot rules, oldest first, each row with its sort key in front.
-- $1 bigint and $2 uuid: time (µs) and id of the last row seen, or null, $3 limit
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM bot_rules
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3


-- name: timers_due
-- Conversations whose timer is due, longest overdue first. The last ten bits of an id are its partition.
-- $1 bigint now (ms), $2 integer[] partitions or null for all, $3 uuid[] conversations to leave out, $4 integer limit
SELECT c.id::text, c.account_id::text, (extract(epoch FROM c.timer_at) * 1000)::bigint FROM conversations c
WHERE c.timer_at <= to_timestamp($1 / 1000.0) AND NOT c.id = ANY ($3::uuid[])
  AND ($2::integer[] IS NULL OR ('x' || right(c.id::text, 3))::bit(12)::integer & 1023 = ANY ($2::integer[]))
ORDER BY c.timer_at LIMIT $4

-- Queries of bots: each starts with a line `-- name:` and is described by the comment below it.


-- name: bot_rule_columns
-- Bot rule columns, in the order that rows.py reads.
id::text, account_id::text, name, priority, is_active, trigger_type, conditions::text, actions::text,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: account_rule_versions
-- How often what conversations go by has changed, of the accounts of which it has.
-- $1 uuid[]: accounts
SELECT account_id::text, version FROM account_rule_changes WHERE account_id = ANY ($1::uuid[])


-- name: account_rules
-- What conversations of accounts go by: settings and active rules, with the texts that rules name and whether the teams they
-- name are there; and whether some agent speaks certain languages only. All of one moment, so that the version tells the truth.
-- $1 uuid[]: accounts
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
-- A new bot rule, unless the account has as many as it may; who makes one holds a lock, so that they can be counted.
-- $1 uuid, $2 uuid account, $3 text name, $4 integer priority, $5 boolean is it active, $6 text trigger, $7 text conditions
-- as JSON, $8 text actions as JSON, $9 integer how many there may be
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
-- Change a bot rule; null leaves a field as it is.
-- $1 uuid, $2 text name, $3 integer priority, $4 boolean is it active, $5 text trigger, $6 text conditions as JSON, $7 text
-- actions as JSON
UPDATE bot_rules SET name = coalesce($2, name), priority = coalesce($3, priority), is_active = coalesce($4, is_active),
  trigger_type = coalesce($5, trigger_type), conditions = coalesce($6::jsonb, conditions),
  actions = coalesce($7::jsonb, actions), updated_at = now()
WHERE id = $1 RETURNING {{columns}}


-- name: bot_rules_page
-- Bot rules, oldest first; each with its place.
-- $1 bigint and $2 uuid: time (µs) and id of the last one seen, or null, $3 how many
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM bot_rules
WHERE $1::bigint IS NULL OR (created_at, id) > (to_timestamp($1 / 1000000.0), $2::uuid)
ORDER BY created_at, id LIMIT $3


-- name: timers_due
-- Conversations to be looked at, the longest due first. The last ten bits of an id are its partition.
-- $1 bigint: now in ms, $2 integer[]: partitions, or null for all, $3 uuid[]: conversations to leave out, $4 integer: how many
SELECT c.id::text, c.account_id::text, (extract(epoch FROM c.timer_at) * 1000)::bigint FROM conversations c
WHERE c.timer_at <= to_timestamp($1 / 1000.0) AND NOT c.id = ANY ($3::uuid[])
  AND ($2::integer[] IS NULL OR ('x' || right(c.id::text, 3))::bit(12)::integer & 1023 = ANY ($2::integer[]))
ORDER BY c.timer_at LIMIT $4

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

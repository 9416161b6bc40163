-- Change a bot rule; null leaves a field as it is.
-- $1 uuid, $2 text name, $3 integer priority, $4 boolean is it active, $5 text trigger, $6 text conditions as JSON, $7 text
-- actions as JSON
UPDATE bot_rules SET name = coalesce($2, name), priority = coalesce($3, priority), is_active = coalesce($4, is_active),
  trigger_type = coalesce($5, trigger_type), conditions = coalesce($6::jsonb, conditions),
  actions = coalesce($7::jsonb, actions), updated_at = now()
WHERE id = $1 RETURNING {{columns}}

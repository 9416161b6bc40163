-- Agents and their preferences (accounts/agents.py).


-- name: preferences_columns
-- Columns of AgentPreferences; agents.py decodes hours and notification preferences.
id::text, account_id::text, user_id, available_channels, available_topics, available_hours::text, languages,
max_concurrent_conversations, is_available, auto_accept, notification_preferences::text,
(extract(epoch FROM created_at) * 1000)::bigint, (extract(epoch FROM updated_at) * 1000)::bigint


-- name: agent_ensure
-- Create an agent with default preferences unless it exists. A name, if given, replaces the old one.
-- $1 uuid account, $2 text user, $3 text name or null, $4 text folded name or null
WITH agent AS (
  INSERT INTO agents (account_id, user_id, name, name_key) VALUES ($1, $2, $3, $4)
  ON CONFLICT (account_id, user_id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key
  WHERE excluded.name IS NOT NULL AND agents.name IS DISTINCT FROM excluded.name)
INSERT INTO agent_preferences (account_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING


-- name: agent_holds
-- Conversations that are assigned to an agent.
-- $1 uuid account, $2 text user, $3 limit
SELECT id::text FROM conversations
WHERE account_id = $1 AND assignee_id = $2 AND status IN ('assigned', 'pending') ORDER BY id LIMIT $3


-- name: agent_get
-- One agent.
-- $1 uuid account, $2 text user
SELECT user_id, name FROM agents WHERE account_id = $1 AND user_id = $2


-- name: agent_remove
-- Remove an agent, whose preferences and memberships go with it, and their drafts. Returns the name, null without one.
-- $1 uuid account, $2 text user
WITH written AS (DELETE FROM drafts WHERE account_id = $1 AND user_id = $2)
DELETE FROM agents WHERE account_id = $1 AND user_id = $2 RETURNING name


-- name: agents_called
-- Agents with one of these ids or folded names.
-- $1 uuid account, $2 text[] ids, $3 text[] folded names, $4 limit
SELECT user_id, name FROM (
  SELECT user_id, name FROM agents WHERE account_id = $1 AND user_id = ANY ($2)
  UNION
  SELECT user_id, name FROM agents WHERE account_id = $1 AND name_key = ANY ($3)) AS called
ORDER BY user_id LIMIT $4


-- name: preferences_get
-- One agent's preferences.
-- $1 uuid account, $2 text user
SELECT {{columns}} FROM agent_preferences WHERE account_id = $1 AND user_id = $2


-- name: preferences_page
-- A page of agents' preferences, oldest first, each row with its sort key in front. An agent without topics or channels
-- serves all of them.
-- $1 uuid account, $2 boolean available or null, $3 text[] topics, $4 text[] channels, $5 bigint and $6 uuid: time (µs)
-- and id of the last row seen, or null, $7 limit
SELECT (extract(epoch FROM created_at) * 1000000)::bigint, {{columns}} FROM agent_preferences
WHERE account_id = $1 AND ($2::boolean IS NULL OR is_available = $2)
  AND (available_topics = '{}' OR available_topics @> $3::text[])
  AND (available_channels = '{}' OR available_channels @> $4::text[])
  AND ($5::bigint IS NULL OR (created_at, id) > (to_timestamp($5 / 1000000.0), $6::uuid))
ORDER BY created_at, id LIMIT $7


-- name: preferences_update
-- Change an agent's preferences. Null leaves a field as it is.
-- $1 uuid account, $2 text user, $3 text[] channels, $4 text[] topics, $5 boolean whether to set the hours, $6 text
-- hours as JSON, $7 text[] languages, $8 integer maximum, $9 boolean available, $10 boolean auto-accept, $11 text
-- notification preferences as JSON, merged into the stored ones
UPDATE agent_preferences SET available_channels = coalesce($3, available_channels),
  available_topics = coalesce($4, available_topics),
  available_hours = CASE WHEN $5 THEN $6::text::jsonb ELSE available_hours END,
  languages = coalesce($7, languages), max_concurrent_conversations = coalesce($8, max_concurrent_conversations),
  is_available = coalesce($9, is_available), auto_accept = coalesce($10, auto_accept),
  notification_preferences = notification_preferences || coalesce($11::text::jsonb, '{}'), updated_at = now()
WHERE account_id = $1 AND user_id = $2 RETURNING {{columns}}


-- name: inbox_preferences_get
-- What an agent keeps of the inbox, as JSON.
-- $1 uuid account, $2 text user
SELECT inbox::text FROM agent_preferences WHERE account_id = $1 AND user_id = $2


-- name: inbox_preferences_lock
-- The same, for a change: another one waits until this one is done.
-- $1 uuid account, $2 text user
SELECT inbox::text FROM agent_preferences WHERE account_id = $1 AND user_id = $2 FOR UPDATE


-- name: inbox_preferences_put
-- Replace what an agent keeps of the inbox.
-- $1 uuid account, $2 text user, $3 text JSON
UPDATE agent_preferences SET inbox = $3::text::jsonb WHERE account_id = $1 AND user_id = $2

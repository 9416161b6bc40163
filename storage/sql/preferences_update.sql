-- Change an agent's preferences.
-- $1 uuid account, $2 text user, $3 text[] channels, $4 text[] topics, $5 boolean whether to set the hours, $6 text hours as
-- JSON, $7 text[] languages, $8 integer maximum, $9 boolean available, $10 boolean auto-accept, $11 text notification
-- preferences as JSON, to be merged; null leaves a field as it is
UPDATE agent_preferences SET available_channels = coalesce($3, available_channels),
  available_topics = coalesce($4, available_topics),
  available_hours = CASE WHEN $5 THEN $6::text::jsonb ELSE available_hours END,
  languages = coalesce($7, languages), max_concurrent_conversations = coalesce($8, max_concurrent_conversations),
  is_available = coalesce($9, is_available), auto_accept = coalesce($10, auto_accept),
  notification_preferences = notification_preferences || coalesce($11::text::jsonb, '{}'), updated_at = now()
WHERE account_id = $1 AND user_id = $2 RETURNING {{columns}}

-- An account's agents, what they prefer, and their teams. $1 uuid account
SELECT a.user_id, a.name, coalesce(p.available_channels, '{}'), coalesce(p.available_topics, '{}'),
       p.available_hours::text, coalesce(p.languages, '{}'), coalesce(p.max_concurrent_conversations, 5),
       coalesce(p.is_available, true), coalesce(p.auto_accept, false),
       ARRAY(SELECT m.team_id::text FROM team_members m JOIN teams t ON t.id = m.team_id
             WHERE m.account_id = a.account_id AND m.user_id = a.user_id AND t.deleted_at IS NULL)
FROM agents a LEFT JOIN agent_preferences p ON p.account_id = a.account_id AND p.user_id = a.user_id
WHERE a.account_id = $1::text::uuid

m.id::text, m.team_id::text, m.user_id, a.name, (extract(epoch FROM m.created_at) * 1000)::bigint

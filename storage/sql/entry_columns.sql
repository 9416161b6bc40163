e.account_id::text, e.conversation_id::text, e.seq, (extract(epoch FROM e.at) * 1000)::bigint, e.actor_type, e.actor_id,
e.data::text, e.position

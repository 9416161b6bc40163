f.id::text, f.account_id::text, f.channel_id::text, (extract(epoch FROM f.at) * 1000)::bigint, f.faults::text,
f.headers::text, f.size, {{payload}}, (extract(epoch FROM f.replayed_at) * 1000)::bigint

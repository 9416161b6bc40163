i.id::text, i.account_id::text, i.contact_id::text, i.channel_type, i.identifier, i.display_name, i.metadata::text,
(extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint

k.id::text, k.account_id::text, k.name, k.attributes::text, k.merged_into::text,
(extract(epoch FROM k.created_at) * 1000)::bigint, (extract(epoch FROM k.updated_at) * 1000)::bigint,
(SELECT coalesce(json_agg(json_build_array(
   i.id, i.account_id, i.contact_id, i.channel_type, i.identifier, i.display_name, i.metadata,
   (extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint
 ) ORDER BY i.created_at, i.id), '[]')::text FROM contact_identifiers i WHERE i.contact_id = k.id)

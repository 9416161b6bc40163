-- A contact with its identifiers as a JSON array, oldest first; times in ms.
-- $1 uuid contact
SELECT k.id::text, k.name, k.attributes::text, (extract(epoch FROM k.created_at) * 1000)::bigint,
  (extract(epoch FROM k.updated_at) * 1000)::bigint,
  ARRAY (SELECT ROW (i.id::text, i.channel_type, i.identifier, i.display_name, i.metadata::text,
                     (extract(epoch FROM i.created_at) * 1000)::bigint, (extract(epoch FROM i.updated_at) * 1000)::bigint)
         FROM contact_identifiers i WHERE i.contact_id = k.id ORDER BY i.created_at, i.id)
FROM contacts k WHERE k.id = $1

-- What a contact uploaded, and the contacts merged into it, while their identifiers still tell.
-- $1 uuid
DELETE FROM attachments a USING contact_identifiers i, contacts k, channels c
WHERE (k.id = $1 OR k.merged_into = $1) AND i.contact_id = k.id AND c.type = i.channel_type
  AND a.channel_id = c.id AND a.uploader_type = 'contact' AND a.uploader_id = i.identifier

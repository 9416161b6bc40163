-- What conversations being erased hold: linked to them, named in their messages, or uploaded by their customers.
-- $1 uuid account, $2 uuid[] conversations, $3 uuid[] attachments named in messages
DELETE FROM attachments a WHERE a.account_id = $1 AND (
  a.conversation_id = ANY ($2::uuid[])
  OR (a.conversation_id IS NULL AND a.id = ANY ($3::uuid[]))
  OR (a.uploader_type = 'contact' AND EXISTS (
    SELECT FROM conversations c
    WHERE c.id = ANY ($2::uuid[]) AND c.channel_id = a.channel_id AND c.contact_identifier = a.uploader_id)))

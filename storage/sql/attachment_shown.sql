-- Whether a public message of one of a customer's conversations holds an attachment.
-- $1 uuid channel, $2 text identifier, $3 text attachments as in a message: [{"url": …}]
SELECT EXISTS (
  SELECT FROM conversations c JOIN entries e ON e.conversation_id = c.id
  WHERE c.account_id = current_account() AND c.channel_id = $1 AND c.contact_identifier = $2 AND e.kind = 'message'
    AND NOT coalesce((e.data ->> 'is_private')::boolean, false) AND e.data -> 'attachments' @> $3::text::jsonb)

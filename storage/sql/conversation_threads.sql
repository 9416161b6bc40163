-- Whose conversations these are: the channel and the customer of each that exists in the caller's account.
-- $1 uuid[]: ids
SELECT id::text, channel_id::text, contact_identifier FROM conversations WHERE id = ANY ($1::uuid[])

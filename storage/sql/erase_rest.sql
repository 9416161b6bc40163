-- Providers' message ids (they can hold telephone numbers) of erased conversations, and the contacts themselves.
-- $1 uuid[] conversations, $2 uuid[] contacts
WITH ids AS (DELETE FROM provider_messages WHERE conversation_id = ANY ($1::uuid[]))
DELETE FROM contacts WHERE id = ANY ($2::uuid[])

-- What `core/erasure.py` blanks in a conversation, in its row; the identifier's absence says that it was erased.
-- $1 uuid[]
UPDATE conversations SET contact_identifier = '', contact_name = NULL, topic = '', subject = NULL, metadata = '{}',
  bot_context = '{}', handoff_reason = NULL, last_message_preview = NULL
WHERE id = ANY ($1::uuid[])

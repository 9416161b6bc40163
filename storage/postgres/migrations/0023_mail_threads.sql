-- Mails by their Message-ID. It only tells which thread a mail belongs to: senders choose it, so several mails may have the
-- same one, and a message's permanent key is its provider's own id. Clients write metadata too, of any length: hence `left`.
CREATE INDEX entries_mail_ids ON entries (left(data #>> '{metadata,message_id}', 255))
  WHERE kind = 'message' AND data #>> '{metadata,message_id}' IS NOT NULL;

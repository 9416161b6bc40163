-- The threads of some senders, in order; what is new of them is noted. See 0006_inbound.sql.
-- $1 text: JSON array of sender_wanted
SELECT resolve_senders($1::text::jsonb)

-- The entries that repeated provider ids stand for.
-- $1 uuid[] channels, $2 text[] provider ids
SELECT m.channel_id::text, m.external_id, {{columns}} FROM unnest($1::uuid[], $2::text[]) AS w (channel, external)
JOIN provider_messages m ON m.channel_id = w.channel AND m.external_id = w.external
JOIN entries e ON e.conversation_id = m.conversation_id AND e.seq = m.seq

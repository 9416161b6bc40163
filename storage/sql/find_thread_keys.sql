-- The entries that repeated command keys stand for, among the newest conversations of a thread key.
-- $1 uuid[] accounts, $2 uuid[] channels, $3 text[] identifiers, $4 text[] topics, $5 text[] keys,
-- $6 integer: how many conversations of each thread
SELECT w.ord, {{columns}}
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
  WITH ORDINALITY AS w (account, channel, identifier, topic, key, ord)
CROSS JOIN LATERAL (
  SELECT c.id FROM conversations c
  WHERE c.account_id = w.account AND c.channel_id = w.channel AND c.contact_identifier = w.identifier
    AND c.topic = w.topic ORDER BY c.id DESC LIMIT $6) AS c
JOIN entries e ON e.conversation_id = c.id AND e.command_key = w.key
ORDER BY e.conversation_id DESC

-- What each thread key holds: the contact, the live conversation, the newest resolved ones.
-- $1 uuid[] accounts, $2 uuid[] channels, $3 text[] channel types, $4 text[] identifiers, $5 text[] topics,
-- $6 integer: how many resolved ones
SELECT w.ord, ci.contact_id::text, coalesce(ct.name, ci.display_name),
  (SELECT c.id::text FROM conversations c
   WHERE c.account_id = w.account AND c.channel_id = w.channel AND c.contact_identifier = w.identifier
     AND c.topic = w.topic AND c.status IN ('open', 'bot', 'assigned', 'pending')),
  ARRAY(SELECT c.id::text FROM conversations c
   WHERE c.account_id = w.account AND c.channel_id = w.channel AND c.contact_identifier = w.identifier
     AND c.topic = w.topic AND c.status = 'resolved' ORDER BY c.id DESC LIMIT $6)
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[])
  WITH ORDINALITY AS w (account, channel, type, identifier, topic, ord)
LEFT JOIN contact_identifiers ci
  ON ci.account_id = w.account AND ci.channel_type = w.type AND ci.identifier = w.identifier
LEFT JOIN contacts ct ON ct.id = ci.contact_id

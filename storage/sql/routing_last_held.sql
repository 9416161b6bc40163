-- Who held a conversation of each contact last, and until when (ms): who has one has it until now. Of a contact's newest
-- conversations. $1 uuid[] accounts, $2 uuid[] contacts
SELECT DISTINCT ON (w.account, w.contact) w.account::text, w.contact::text, h.agent, h.until
FROM unnest($1::text[]::uuid[], $2::text[]::uuid[]) AS w (account, contact)
CROSS JOIN LATERAL (
  SELECT CASE WHEN n.held THEN n.assignee_id ELSE n.last ->> 'agent_id' END AS agent,
         CASE WHEN n.held THEN (extract(epoch FROM now()) * 1000)::bigint ELSE (n.last ->> 'until')::bigint END AS until
  FROM (
    SELECT c.status IN ('assigned', 'pending') AS held, c.assignee_id, c.routing -> 'last' AS last FROM conversations c
    WHERE c.account_id = w.account AND c.contact_id = w.contact ORDER BY c.id DESC LIMIT 20) AS n) AS h
WHERE h.agent IS NOT NULL
ORDER BY w.account, w.contact, h.until DESC, h.agent

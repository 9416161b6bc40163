-- Who held a conversation last, as conversations remember it from now on, of those that were resolved or ended before.
UPDATE conversations SET routing = routing || jsonb_build_object('last', jsonb_build_object(
  'agent_id', assignee_id, 'until', (extract(epoch FROM coalesce(resolved_at, updated_at)) * 1000)::bigint))
WHERE status IN ('resolved', 'closed', 'expired') AND assignee_id IS NOT NULL;

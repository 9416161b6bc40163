-- Routing's upkeep: who held a conversation last, and rosters that go when no decision names them any more.

-- Of conversations that were resolved or ended before they remembered it themselves.
UPDATE conversations SET routing = routing || jsonb_build_object('last', jsonb_build_object(
  'agent_id', assignee_id, 'until', (extract(epoch FROM coalesce(resolved_at, updated_at)) * 1000)::bigint))
WHERE status IN ('resolved', 'closed', 'expired') AND assignee_id IS NOT NULL;

-- When a supervisor last named the roster in a decision, give or take an hour; and where a stored decision names one.
ALTER TABLE routing_rosters ADD COLUMN kept_at timestamptz NOT NULL DEFAULT now();
CREATE INDEX entries_rosters ON entries (account_id, (data -> 'explain' ->> 'roster'))
  WHERE kind IN ('assigned', 'offered');

-- The people around conversations: agents' names and preferences, teams, canned responses; and whether a conversation is due
-- to be rated. Columns named `…_key` hold a text as core/people.py folds it: what two names that a person takes for the same
-- have in common.

ALTER TABLE agents ADD COLUMN name_key text;
UPDATE agents SET name_key = lower(name) WHERE name IS NOT NULL;
CREATE INDEX agents_name ON agents (account_id, name_key) WHERE name_key IS NOT NULL;

CREATE TABLE agent_preferences (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL,
  user_id text NOT NULL,
  available_channels text[] NOT NULL DEFAULT '{}',
  available_topics text[] NOT NULL DEFAULT '{}',
  available_hours jsonb,
  languages text[] NOT NULL DEFAULT '{}',
  max_concurrent_conversations integer NOT NULL DEFAULT 5,
  is_available boolean NOT NULL DEFAULT true,
  auto_accept boolean NOT NULL DEFAULT false,
  notification_preferences jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT agent_preferences_agent UNIQUE (account_id, user_id),
  CONSTRAINT agent_preferences_of FOREIGN KEY (account_id, user_id) REFERENCES agents ON DELETE CASCADE
);
CREATE INDEX agent_preferences_account ON agent_preferences (account_id, created_at, id);
INSERT INTO agent_preferences (account_id, user_id, created_at) SELECT account_id, user_id, created_at FROM agents;

-- A team with `deleted_at` is gone for everybody; its row stays until the last conversation has let go of it.
CREATE TABLE teams (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  name text NOT NULL,
  name_key text NOT NULL,
  description text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  deleted_at timestamptz,
  CONSTRAINT teams_account_team UNIQUE (account_id, id)
);
CREATE UNIQUE INDEX teams_name ON teams (account_id, name_key) WHERE deleted_at IS NULL;
CREATE INDEX teams_account ON teams (account_id, created_at, id);

CREATE TABLE team_members (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL,
  team_id uuid NOT NULL,
  user_id text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT team_members_once UNIQUE (team_id, user_id),
  CONSTRAINT team_members_team FOREIGN KEY (account_id, team_id) REFERENCES teams (account_id, id) ON DELETE CASCADE,
  CONSTRAINT team_members_agent FOREIGN KEY (account_id, user_id) REFERENCES agents ON DELETE CASCADE
);
CREATE INDEX team_members_order ON team_members (team_id, created_at, id);
CREATE INDEX team_members_user ON team_members (account_id, user_id);

CREATE TABLE canned_responses (
  id uuid PRIMARY KEY,
  account_id uuid NOT NULL REFERENCES accounts ON DELETE CASCADE,
  short_code text NOT NULL,
  short_code_key text NOT NULL,
  title text NOT NULL,
  content text NOT NULL,
  category text,
  created_by text,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  CONSTRAINT canned_responses_short_code UNIQUE (account_id, short_code_key)
);
CREATE INDEX canned_responses_account ON canned_responses (account_id, created_at, id);

DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['agent_preferences', 'teams', 'team_members', 'canned_responses'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY own_account ON %I TO tertulia_app
                    USING (account_id = (SELECT current_account()))
                    WITH CHECK (account_id = (SELECT current_account()))', t);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO tertulia_app', t);
  END LOOP;
END $$;

-- One score for each time a conversation is resolved.
ALTER TABLE conversations ADD COLUMN csat_due boolean NOT NULL DEFAULT false;
UPDATE conversations c SET csat_due = true
WHERE c.resolved_at IS NOT NULL AND NOT EXISTS (
  SELECT FROM entries e WHERE e.conversation_id = c.id AND e.kind = 'rated' AND e.at >= c.resolved_at);

-- commit_batch as the migrations before this one left it, with the new column among those that it brings up to date.
DO $$
DECLARE
  f regprocedure := 'commit_batch'::regproc;
  old constant text := pg_get_functiondef(f);
  new constant text := replace(old, 'resolved_at = excluded.resolved_at,',
                               'resolved_at = excluded.resolved_at, csat_due = excluded.csat_due,');
BEGIN
  IF new = old THEN
    RAISE EXCEPTION 'commit_batch does not look as expected';
  END IF;
  EXECUTE new;
END $$;

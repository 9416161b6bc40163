-- What an agent keeps of the inbox: saved filters and changed shortcuts. Nothing routes by them.
-- Compatible from: 0045

ALTER TABLE agent_preferences ADD COLUMN inbox jsonb NOT NULL DEFAULT '{}';

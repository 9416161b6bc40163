-- Where a host listens for gateways: they find it here, so that they can while Ray's head is away (docs/decisions/0004).
-- A row from before names no address; its host registers anew when it starts.
ALTER TABLE hosts ADD COLUMN address text NOT NULL DEFAULT '', ADD COLUMN port integer NOT NULL DEFAULT 0;

-- Every process of the server: where it runs, what it was started with, and its heartbeat. Who watches the processes has a
-- second proof of their life here, besides their answers; operators and Prometheus find them here.
CREATE TABLE processes (
  name text PRIMARY KEY,
  kind text NOT NULL,
  incarnation uuid NOT NULL,
  node text NOT NULL,
  address text NOT NULL,
  pid integer NOT NULL,
  release text NOT NULL,
  settings text NOT NULL,
  beats bigint NOT NULL DEFAULT 0,
  draining boolean NOT NULL DEFAULT false,
  started_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 10);

-- Nodes whose processes are to leave in order, by Ray's id. A machine that joins again has another id.
CREATE TABLE drained_nodes (
  node text PRIMARY KEY,
  since timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON processes, drained_nodes TO tertulia_system;

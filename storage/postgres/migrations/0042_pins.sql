-- Partitions that an operator has moved to a host, by its incarnation: their owner moves them there, and they stay until it ends. A
-- table of its own, because every commit locks its rows of `partitions`.
CREATE TABLE pins (
  partition integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 1023),
  host uuid NOT NULL,
  since timestamptz NOT NULL DEFAULT now()
);

GRANT SELECT, INSERT, UPDATE, DELETE ON pins TO tertulia_system;

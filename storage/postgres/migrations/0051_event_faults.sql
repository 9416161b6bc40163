-- Why events cannot be written to a stream or an exchange at the moment, for /ready and /metrics of the gateways.
-- Compatible from: 0045

ALTER TABLE event_streams ADD COLUMN fault text, ADD COLUMN fault_at timestamptz;

-- Forgets the faults, which the processes note again when they meet them.

ALTER TABLE event_streams DROP COLUMN fault, DROP COLUMN fault_at;

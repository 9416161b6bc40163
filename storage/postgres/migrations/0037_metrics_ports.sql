-- Where each process shows its own figures to Prometheus. 0: nowhere, as in releases before this one.
ALTER TABLE processes ADD COLUMN metrics_port integer NOT NULL DEFAULT 0;

-- Agents that were removed stay so.

REVOKE DELETE ON agents FROM tertulia_app;

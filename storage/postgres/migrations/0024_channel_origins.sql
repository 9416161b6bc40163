-- Web chat channels by the origins whose pages may use them: a preflight request names an origin and no channel.
CREATE INDEX channels_allowed_origins ON channels USING gin ((config->'allowed_origins')) WHERE type = 'webchat';

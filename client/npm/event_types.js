/** The types of events. Generated from the server's OpenAPI document by `make clients`; do not edit. */

export const TYPES = [
  "conversation:new",
  "conversation:updated",
  "conversation:status",
  "conversation:message",
  "conversation:receipt",
  "conversation:typing",
  "conversation:draft",
  "conversation:viewing",
  "conversation:handoff",
  "agent:assigned",
  "agent:presence",
  "notification:assignment",
  "notification:offer",
  "notification:mention",
  "notification:queue",
  "notification:sla",
  "queue:update",
  "ready",
  "reset",
  "close",
];

/** The events of streams and webhooks; `event.type` tells them apart. */

import type { components } from "./openapi.js";

type Schemas = components["schemas"];

interface Base<T extends string, D> {
  /** Names the event for `since`; hints (typing, presence, receipts) carry that of the last event before them. */
  id: string;
  type: T;
  topic: string;
  conversation_id: string;
  /** The entry's number in its conversation, if the event is one's. */
  seq: number | null;
  /** RFC 3339 in UTC. */
  at: string;
  data: D;
}

type Elsewhere<T extends string, D> = Omit<Base<T, D>, "conversation_id"> & { conversation_id: null };

export type Event =
  | Base<"conversation:new", Schemas["Conversation"]>
  | Base<"conversation:updated", Record<string, unknown>>
  | Base<"conversation:status", { from: string; to: string }>
  | Base<"conversation:message", Schemas["Message"]>
  | Base<"conversation:receipt", { message_id: string; delivery_status: "queued" | "sent" | "delivered" | "read" | "failed" }>
  | Base<"conversation:typing", { user_id: string; name: string | null; state: "start" | "stop" }>
  | Base<"conversation:draft", { user_id: string; name: string | null; content: string | null; is_private: boolean; updated_at: string | null }>
  | Base<"conversation:viewing", { user_id: string; name: string | null; state: "start" | "stop" }>
  | Base<"conversation:handoff", { reason: string | null }>
  | Base<"agent:assigned", { agent_id: string | null; previous_agent_id: string | null; by: string; assignment_id: string }>
  | Elsewhere<"agent:presence", { user_id: string; status: "online" | "away" | "offline"; active: number; maximum: number }>
  | Base<"queue:update", { conversation_id: string; position: number | null; estimated_wait_s: number | null }>
  | Base<"notification:mention", Schemas["Message"]>
  | Base<"notification:assignment" | "notification:offer" | "notification:queue" | "notification:sla", Record<string, unknown>>
  | Elsewhere<"reset", { cursor: string }>;

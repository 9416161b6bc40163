/** A page of an agent, as the type checker sees it: no cast, no `any`. */

import { ApiError, TertuliaClient, type Schemas } from "tertulia-client";

const client = new TertuliaClient("https://support.example.com", { token: async () => "…" });

export async function answer(conversation: Schemas["Conversation"], content: string): Promise<number> {
  try {
    const message = await client.post("/v1/conversations/{id}/messages", {
      params: { path: { id: conversation.id } },
      body: { content },
    });
    return message.seq;
  } catch (error) {
    if (error instanceof ApiError && error.code === "conflict") return 0;
    throw error;
  }
}

export async function names(): Promise<string[]> {
  const page = await client.get("/v1/conversations", { params: { query: { status: ["open", "bot"], limit: 10 } } });
  const health = await client.get("/health");
  return [health.status, ...page.items.map((item) => item.contact_name ?? item.contact_identifier)];
}

export async function follow(show: (text: string) => void): Promise<void> {
  for await (const event of client.events({ topics: ["account"] })) {
    if (event.type === "conversation:message") show(event.data.content);
    else if (event.type === "conversation:status") show(`${event.data.from} → ${event.data.to}`);
    else if (event.type === "notification:offer") show(`${event.data.conversation_id} until ${event.data.expires_at.slice(0, 10)}`);
    else if (event.type === "conversation:updated") show(`${event.conversation_id.slice(0, 8)}: ${event.data.priority ?? "as before"}`);
    else if (event.type === "agent:assigned") show(`entry ${event.seq + 1}: ${event.data.agent_id ?? "nobody"}`);
    else if (event.type === "agent:presence") show(`${event.data.user_id}: ${event.data.active.toFixed()} of ${event.data.maximum.toFixed()}`);
    else if (event.type === "reset") show(event.data.cursor);
  }
}

// @ts-expect-error: no such path
client.get("/v1/nothing");
// @ts-expect-error: the body lacks its content
client.post("/v1/conversations/{id}/messages", { params: { path: { id: "c" } }, body: {} });
// @ts-expect-error: the path lacks its id
client.get("/v1/conversations/{id}");

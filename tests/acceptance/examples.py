"""One example for each route and each WebSocket message, from which the role matrix and the canary are made.

A route without a row here fails `test_every_route_has_an_example`. A row states what api.md says: who may, and what a
good call looks like. `{conversation}`, `{channel}` … in a path, query or body stand for ids of the account in question
(see `Objects`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

STAFF = frozenset({"agent", "lead", "admin"})
LEADS = frozenset({"lead", "admin"})
ADMIN = frozenset({"admin"})
SERVICE = frozenset({"service"})
CUSTOMER = frozenset({"customer"})
TEAM = STAFF | SERVICE
ALL = TEAM | CUSTOMER
ROLES = ("agent", "lead", "admin", "service", "customer")


class Example(NamedTuple):
    """`roles` may call it; None: everybody, without a token too. `names` maps the route's path parameters to objects.

    `headers`: what proves a call that comes without a token, or names the caller's account. `foreign`: what a caller of another account gets who names this account's objects; None where the call
    names no object."""

    roles: frozenset[str] | None
    body: dict[str, Any] | bytes | None = None
    names: Mapping[str, str] = MappingProxyType({})
    query: str = ""
    foreign: int | None = 404
    headers: Mapping[str, str] = MappingProxyType({})


CONVERSATION = {"id": "{conversation}"}
MAIL = {"id": "{mail}"}
EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
ARTICLE = {"id": "{article}"}
ASSISTED = {"id": "{assisted}"}
SUGGESTED = {"id": "{suggested}"}
SUGGESTION = {"id": "{suggested}", "suggestion_id": "{suggestion}"}
CONTACT = {"id": "{contact}"}
IDENTIFIER = {"id": "{identifier}"}
CHANNEL = {"id": "{own_channel}"}
TEAM_ID = {"id": "{team}"}
MEMBER = {"id": "{team}", "user_id": "{member}"}
CANNED = {"id": "{canned}"}
MACRO = {"id": "{macro}"}
BOT_RULE = {"id": "{bot_rule}"}
NEW_RULE = {
    "name": "Hours",
    "trigger_type": "keyword",
    "is_active": False,  # other tests write in this account
    "conditions": {"keywords": ["zyzzyva"]},
    "actions": {"set_labels": ["x"]},
}
USER = {"user_id": "{member}"}
ATTACHMENT = {"id": "{attachment}"}
WEBHOOK = {"id": "{event_webhook}"}
DELIVERY = {"id": "{event_webhook}", "delivery_id": "{event_delivery}"}
NEW_WEBHOOK = {"url": "http://127.0.0.1:9/in", "is_active": False}  # the discard port: nobody listens
TENANT = {"X-Tenant-Id": "{account}"}
CRM_OPENING = {"customer_phone": "{phone}"}
SYNC_SESSION = {"sessionId": "{session}"}
SYNC_PHONE = {"phoneNumber": "{session_phone}"}
OPENING = {"channel_id": "{channel}", "contact_identifier": "{fresh}"}

ROUTES: dict[str, Example] = {
    "POST /v1/conversations": Example(TEAM, OPENING),
    "POST /v1/conversations/find-or-create": Example(TEAM, OPENING),
    "GET /v1/conversations": Example(TEAM, query="q=canary&status=open&status=assigned", foreign=None),
    "GET /v1/conversations/stats": Example(TEAM, foreign=None),
    "GET /v1/conversations/{id}": Example(ALL, names=CONVERSATION, query="include=messages"),
    "GET /v1/conversations/{id}/assignments": Example(TEAM, names=CONVERSATION),
    "PATCH /v1/conversations/{id}": Example(TEAM, {"priority": "high"}, CONVERSATION),
    "DELETE /v1/conversations/{id}": Example(TEAM, names=CONVERSATION),
    "POST /v1/conversations/{id}/assign": Example(TEAM, {"agent_id": "me"}, CONVERSATION),
    "POST /v1/conversations/{id}/handoff": Example(TEAM, {"reason": "asked"}, CONVERSATION),
    "POST /v1/conversations/{id}/handback": Example(TEAM, names=CONVERSATION),
    "POST /v1/conversations/{id}/release": Example(TEAM, names=CONVERSATION),
    "POST /v1/conversations/{id}/csat": Example(SERVICE | CUSTOMER, {"score": 5}, CONVERSATION),
    "POST /v1/conversations/{id}/read": Example(TEAM, {"seq": 1}, CONVERSATION),
    "POST /v1/conversations/{id}/typing": Example(ALL, {"state": "start"}, CONVERSATION),
    "POST /v1/conversations/{id}/messages": Example(ALL, {"content": "hello"}, CONVERSATION),
    "GET /v1/conversations/{id}/messages": Example(ALL, names=CONVERSATION),
    "GET /v1/conversations/{id}/entries": Example(ALL, names=CONVERSATION),
    "GET /v1/conversations/{id}/context": Example(TEAM, names=CONVERSATION, query="count=8"),
    "PUT /v1/conversations/{id}/draft": Example(STAFF, {"content": "Dear"}, CONVERSATION),
    "DELETE /v1/conversations/{id}/draft": Example(STAFF, names=CONVERSATION),
    "POST /v1/conversations/{id}/viewing": Example(STAFF, {"state": "start"}, CONVERSATION),
    "POST /v1/conversations/{id}/suggestions": Example(TEAM, {"draft": "It left today"}, CONVERSATION),
    "GET /v1/conversations/{id}/suggestions": Example(TEAM, names=SUGGESTED),
    "POST /v1/conversations/{id}/suggestions/{suggestion_id}/approve": Example(TEAM, names=SUGGESTION),
    "POST /v1/conversations/{id}/suggestions/{suggestion_id}/reject": Example(
        TEAM, {"reason": "no"}, SUGGESTION
    ),
    "POST /v1/conversations/{id}/analysis": Example(TEAM, names=SUGGESTED),
    "GET /v1/articles": Example(TEAM, foreign=None),
    "POST /v1/articles": Example(LEADS, {"title": "Returns", "body": "Send it back."}, foreign=None),
    "GET /v1/articles/search": Example(TEAM, query="q=returns", foreign=None),
    "POST /v1/articles/import": Example(LEADS, EMPTY_ZIP, foreign=None),
    "POST /v1/articles/answers": Example(TEAM, {"question": "How?"}, foreign=None),
    "GET /v1/articles/{id}": Example(TEAM, names=ARTICLE),
    "PATCH /v1/articles/{id}": Example(LEADS, {"title": "Returns"}, ARTICLE),
    "DELETE /v1/articles/{id}": Example(LEADS, names=ARTICLE),
    "GET /v1/articles/{id}/versions": Example(TEAM, names=ARTICLE),
    "POST /v1/webchat/answers": Example(CUSTOMER, {"question": "How?"}, foreign=None),
    "GET /v1/webchat/articles": Example(CUSTOMER, query="q=returns", foreign=None),
    "GET /v1/suggestions/stats": Example(LEADS | SERVICE, foreign=None),
    "GET /v1/conversations/{id}/drafts": Example(TEAM, names=CONVERSATION),
    "POST /v1/webchat/{channel_id}/sessions": Example(None, names={"channel_id": "{channel}"}, foreign=None),
    "POST /v1/webchat/messages": Example(CUSTOMER, {"content": "hello"}, foreign=None),
    "GET /v1/webchat/messages": Example(CUSTOMER, foreign=None),
    "GET /v1/webchat/conversation": Example(CUSTOMER, foreign=None),
    "GET /v1/webchat/{channel_id}": Example(None, names={"channel_id": "{channel}"}, foreign=None),
    "POST /v1/attachments": Example(ALL, {"any": "file"}, query="name=a.json", foreign=None),
    "GET /v1/attachments/{id}": Example(ALL, names=ATTACHMENT),
    "GET /v1/attachments/{id}/link": Example(ALL, names=ATTACHMENT),
    "GET /crm/health": Example(None, foreign=None),
    "GET /sync/health": Example(None, foreign=None),
    "POST /crm/api/v1/messages": Example(
        TEAM,
        {"conversation_id": "{conversation}", "sender_type": "agent", "content": "hello"},
        headers=TENANT,
    ),
    "GET /crm/api/v1/conversations/{id}/messages": Example(TEAM, names=CONVERSATION, headers=TENANT),
    "GET /crm/api/v1/conversations/{id}/messages/recent": Example(TEAM, names=CONVERSATION, headers=TENANT),
    "POST /crm/api/v1/conversations": Example(TEAM, CRM_OPENING, foreign=None, headers=TENANT),
    "POST /crm/api/v1/conversations/find-or-create": Example(TEAM, CRM_OPENING, foreign=None, headers=TENANT),
    "GET /crm/api/v1/conversations/active": Example(TEAM, foreign=None, headers=TENANT),
    "GET /crm/api/v1/conversations/{id}": Example(
        TEAM, names=CONVERSATION, query="include_messages=true", headers=TENANT
    ),
    "POST /crm/api/v1/conversations/{id}/handoff": Example(
        TEAM, {"reason": "asked"}, CONVERSATION, headers=TENANT
    ),
    "PUT /crm/api/v1/conversations/{id}/assign": Example(
        LEADS | SERVICE, {"agent_id": "{member}"}, CONVERSATION, headers=TENANT
    ),
    "PUT /crm/api/v1/conversations/{id}/status": Example(
        TEAM, {"status": "resolved"}, CONVERSATION, headers=TENANT
    ),
    "GET /sync/api/v1/whatsapp/lookup/tenant/{phoneNumber}": Example(TEAM, names=SYNC_PHONE),
    "GET /sync/api/v1/whatsapp/lookup/conversation/{phoneNumber}": Example(TEAM, names=SYNC_PHONE),
    "PUT /sync/api/v1/whatsapp/agent/conversations/{sessionId}/sync": Example(
        SERVICE, {"intent": "order", "step": "cart", "context": {}}, SYNC_SESSION
    ),
    "POST /sync/api/v1/whatsapp/agent/conversations/{sessionId}/messages": Example(
        SERVICE, {"role": "user", "content": "hello"}, SYNC_SESSION
    ),
    "POST /sync/api/v1/conversations": Example(SERVICE, {"userId": "{phone}"}, foreign=None),
    "GET /sync/api/v1/conversations/{sessionId}": Example(TEAM, names=SYNC_SESSION),
    "PATCH /sync/api/v1/conversations/{sessionId}/intent": Example(
        SERVICE, {"intent": "order"}, SYNC_SESSION
    ),
    "PATCH /sync/api/v1/conversations/{sessionId}/context": Example(
        SERVICE, {"context": {"a": 1}}, SYNC_SESSION
    ),
    "POST /sync/api/v1/conversations/{sessionId}/messages": Example(
        SERVICE, {"role": "bot", "content": "hello"}, SYNC_SESSION
    ),
    "GET /v1/stream": Example(ALL, query="topics=conversation:{conversation}"),
    "GET /desk/api/v1/conversations": Example(TEAM, query="search=canary&status=active", foreign=None),
    "GET /desk/api/v1/conversations/stats": Example(TEAM, foreign=None),
    "GET /desk/api/v1/conversations/{id}": Example(TEAM, names=MAIL),
    "GET /desk/api/v1/conversations/{id}/ai-suggestion": Example(TEAM, names=MAIL),
    "POST /desk/api/v1/conversations/{id}/approve": Example(
        TEAM, {"suggestion_id": "{mail_suggestion}"}, MAIL
    ),
    "POST /desk/api/v1/conversations/{id}/reject": Example(
        TEAM, {"suggestion_id": "{mail_suggestion}"}, MAIL
    ),
    "POST /desk/api/v1/conversations/{id}/reply": Example(
        TEAM, {"subject": "Refund", "body": "It left today"}, MAIL
    ),
    "POST /desk/api/v1/conversations/{id}/regenerate": Example(TEAM, {"message_id": "{mail_message}"}, MAIL),
    "PATCH /desk/api/v1/conversations/{id}/archive": Example(TEAM, names=MAIL),
    "GET /desk/ws": Example(TEAM, foreign=None),
    "GET /assistant/api/v1/health": Example(None, foreign=None),
    "POST /assistant/api/v1/conversations/": Example(TEAM, {"title": "Refund"}, foreign=None),
    "GET /assistant/api/v1/conversations/{id}": Example(TEAM, names=ASSISTED),
    "GET /assistant/api/v1/conversations/{id}/messages": Example(TEAM, names=ASSISTED),
    "POST /assistant/api/v1/conversations/{id}/messages": Example(
        SERVICE, {"role": "user", "content": "hello"}, ASSISTED
    ),
    "GET /assistant/api/v1/ws/conversations/{id}": Example(TEAM, names=ASSISTED),
    "GET /v1/ws": Example(ALL, query="topics=conversation:{conversation}"),
    "POST /v1/auth/ticket": Example(ALL, foreign=None),
    "POST /v1/conversations/{id}/accept": Example(STAFF, names=CONVERSATION),
    "POST /v1/conversations/{id}/decline": Example(STAFF, names=CONVERSATION),
    "GET /v1/agents": Example(TEAM, foreign=None),
    "PUT /v1/agents/me/presence": Example(STAFF, {"status": "away"}, foreign=None),
    "GET /v1/sla-clocks": Example(TEAM, query="conversation_id={conversation}", foreign=None),
    "GET /v1/queue": Example(LEADS | SERVICE, foreign=None),
    "GET /v1/routing/board": Example(LEADS | SERVICE, query="at=2098-01-01T00:00:00Z", foreign=None),
    "GET /v1/routing/shadow": Example(LEADS | SERVICE, foreign=None),
    "GET /v1/routing/entries": Example(LEADS | SERVICE, query="limit=5", foreign=None),
    "GET /v1/contacts": Example(TEAM, query="q=canary", foreign=None),
    "POST /v1/contacts": Example(TEAM, {"name": "Marta"}, foreign=None),
    "GET /v1/contacts/{id}": Example(TEAM, names=CONTACT),
    "PATCH /v1/contacts/{id}": Example(TEAM, {"name": "Marta"}, CONTACT),
    "DELETE /v1/contacts/{id}": Example(TEAM, names=CONTACT),
    "POST /v1/contacts/{id}/merge": Example(LEADS | SERVICE, {"into": "{second_contact}"}, CONTACT),
    "POST /v1/contacts/{id}/erase": Example(ADMIN, names=CONTACT),
    "GET /v1/contacts/{id}/export": Example(ADMIN, names=CONTACT),
    "GET /v1/contact-identifiers": Example(TEAM, foreign=None),
    "POST /v1/contact-identifiers": Example(
        TEAM, {"contact_id": "{contact}", "channel_type": "telegram", "identifier": "{fresh}"}
    ),
    "GET /v1/contact-identifiers/{id}": Example(TEAM, names=IDENTIFIER),
    "PATCH /v1/contact-identifiers/{id}": Example(TEAM, {"display_name": "Marta"}, IDENTIFIER),
    "DELETE /v1/contact-identifiers/{id}": Example(TEAM, names=IDENTIFIER),
    "GET /v1/agent-preferences": Example(TEAM, query="is_available=true&available_topics=x", foreign=None),
    "GET /v1/agent-preferences/me": Example(STAFF, foreign=None),
    "PATCH /v1/agent-preferences/me": Example(STAFF, {"languages": ["en"]}, foreign=None),
    "GET /v1/agent-preferences/me/inbox": Example(STAFF, foreign=None),
    "PATCH /v1/agent-preferences/me/inbox": Example(STAFF, {"shortcuts": {"resolve": "x"}}, foreign=None),
    "GET /v1/agent-preferences/{user_id}": Example(TEAM, names=USER),
    "PATCH /v1/agent-preferences/{user_id}": Example(LEADS, {"languages": ["en"]}, USER),
    "DELETE /v1/agents/{user_id}": Example(ADMIN, names=USER),
    "GET /v1/agents/{user_id}/stats": Example(LEADS | SERVICE, names=USER),
    "GET /v1/reports": Example(LEADS | SERVICE, query="by=team", foreign=None),
    "GET /v1/labels": Example(TEAM, foreign=None),
    "GET /v1/teams": Example(TEAM, foreign=None),
    "POST /v1/teams": Example(LEADS, {"name": "{fresh}"}, foreign=None),
    "GET /v1/teams/{id}": Example(TEAM, names=TEAM_ID),
    "PATCH /v1/teams/{id}": Example(LEADS, {"description": "money"}, TEAM_ID),
    "GET /v1/teams/{id}/members": Example(TEAM, names=TEAM_ID),
    "POST /v1/teams/{id}/members": Example(LEADS, {"user_id": "{fresh}"}, TEAM_ID),
    "DELETE /v1/teams/{id}/members/{user_id}": Example(LEADS, names=MEMBER),
    "DELETE /v1/teams/{id}": Example(LEADS, names=TEAM_ID),
    "GET /v1/bot-rules": Example(ADMIN, foreign=None),
    "POST /v1/bot-rules": Example(ADMIN, NEW_RULE, foreign=None),
    "POST /v1/bot-rules/test": Example(ADMIN, {"content": "refund", "channel_type": "sms"}, foreign=None),
    "GET /v1/bot-rules/{id}": Example(ADMIN, names=BOT_RULE),
    "PATCH /v1/bot-rules/{id}": Example(ADMIN, {"is_active": False}, BOT_RULE),
    "DELETE /v1/bot-rules/{id}": Example(ADMIN, names=BOT_RULE),
    "GET /v1/canned-responses": Example(TEAM, query="q=canary", foreign=None),
    "POST /v1/canned-responses": Example(
        LEADS, {"short_code": "/{fresh}", "title": "Hello", "content": "Hello {{contact_name}}"}, foreign=None
    ),
    "GET /v1/canned-responses/{id}": Example(TEAM, names=CANNED),
    "PATCH /v1/canned-responses/{id}": Example(LEADS, {"title": "Hello"}, CANNED),
    "DELETE /v1/canned-responses/{id}": Example(LEADS, names=CANNED),
    "POST /v1/canned-responses/{id}/render": Example(TEAM, {"conversation_id": "{conversation}"}, CANNED),
    "POST /v1/canned-responses/{id}/apply": Example(TEAM, {"conversation_id": "{conversation}"}, MACRO),
    "GET /v1/channels": Example(ADMIN, foreign=None),
    "POST /v1/channels": Example(ADMIN, {"type": "webchat", "name": "Shop"}, foreign=None),
    "GET /v1/channels/{id}": Example(ADMIN, names=CHANNEL),
    "PATCH /v1/channels/{id}": Example(ADMIN, {"name": "Shop"}, CHANNEL),
    "DELETE /v1/channels/{id}": Example(ADMIN, names=CHANNEL),
    "GET /v1/inbound-failures": Example(ADMIN, query="channel_id={own_channel}", foreign=None),
    "GET /v1/inbound-failures/{id}": Example(ADMIN, names={"id": "{inbound_failure}"}),
    "POST /v1/inbound-failures/{id}/replay": Example(ADMIN, names={"id": "{inbound_failure}"}),
    "POST /v1/webhooks/{channel_type}/{channel_id}": Example(
        None,
        {"update_id": 1},
        {"channel_type": "telegram", "channel_id": "{bot}"},
        foreign=None,
        headers={"X-Telegram-Bot-Api-Secret-Token": "bot-secret"},
    ),
    "GET /v1/webhooks/{channel_type}/{channel_id}": Example(
        None,
        names={"channel_type": "whatsapp", "channel_id": "{whatsapp}"},
        query="hub.mode=subscribe&hub.challenge=7&hub.verify_token=knock",
        foreign=None,
    ),
    "GET /v1/deliveries": Example(LEADS | SERVICE, query="status=failed", foreign=None),
    "GET /v1/deliveries/{message_id}": Example(TEAM, names={"message_id": "{failed_message}"}),
    "POST /v1/deliveries/{message_id}/retry": Example(TEAM, names={"message_id": "{failed_message}"}),
    "GET /v1/account": Example(ADMIN | SERVICE, foreign=None),
    "PATCH /v1/account": Example(ADMIN, {"settings": {"presence_grace_s": 120}}, foreign=None),
    "GET /v1/audit-log": Example(ADMIN, foreign=None),
    "GET /v1/api-clients": Example(ADMIN, foreign=None),
    "POST /v1/api-clients": Example(ADMIN, {"name": "crm"}, foreign=None),
    "DELETE /v1/api-clients/{id}": Example(ADMIN, names={"id": "{client}"}),
    "GET /v1/event-webhooks": Example(ADMIN, foreign=None),
    "POST /v1/event-webhooks": Example(ADMIN, NEW_WEBHOOK, foreign=None),
    "GET /v1/event-webhooks/{id}": Example(ADMIN, names=WEBHOOK),
    "PATCH /v1/event-webhooks/{id}": Example(ADMIN, {"description": "crm"}, WEBHOOK),
    "DELETE /v1/event-webhooks/{id}": Example(ADMIN, names=WEBHOOK),
    "POST /v1/event-webhooks/{id}/rotate-secret": Example(ADMIN, names=WEBHOOK),
    "POST /v1/event-webhooks/{id}/test": Example(ADMIN, names=WEBHOOK),
    "GET /v1/event-webhooks/{id}/deliveries": Example(ADMIN, names=WEBHOOK, query="status=failed"),
    "GET /v1/event-webhooks/{id}/deliveries/{delivery_id}": Example(ADMIN, names=DELIVERY),
    "POST /v1/event-webhooks/{id}/deliveries/{delivery_id}/replay": Example(ADMIN, names=DELIVERY),
    "POST /v1/event-webhooks/{id}/replay": Example(ADMIN, {"since": "2026-11-01T00:00:00Z"}, WEBHOOK),
    "POST /v1/auth/token": Example(
        None,
        {"grant_type": "client_credentials", "client_id": "{client}", "client_secret": "{client_secret}"},
        foreign=None,
    ),
    "GET /asyncapi.json": Example(None, foreign=None),
    "GET /openapi.json": Example(None, foreign=None),
    "GET /docs": Example(None, foreign=None),
    "GET /": Example(None, foreign=None),
    "GET /welcome.css": Example(None, foreign=None),
    "GET /static/{path:.+}": Example(
        None, names={"path:.+": "vendor/swagger-ui/swagger-ui.css"}, foreign=None
    ),
    "GET /inbox": Example(None, foreign=None),
    "GET /inbox/{path:.+}": Example(None, names={"path:.+": "app.js"}, foreign=None),
    "GET /inbox/session": Example(None, foreign=None),
    "POST /inbox/session": Example(STAFF, foreign=None),
    "DELETE /inbox/session": Example(None, foreign=None),
    "GET /inbox/demo": Example(None, foreign=None),
    "POST /inbox/demo": Example(None, {"user_id": "00000000-0000-0000-0000-000000000021"}, foreign=None),
    "GET /widget.js": Example(None, foreign=None),
    "GET /widget/channels/{channel_id}": Example(None, names={"channel_id": "{channel}"}, foreign=None),
    "GET /widget/{path:.+}": Example(None, names={"path:.+": "app.js"}, foreign=None),
    "GET /demo/shop": Example(None, foreign=None),
    "GET /demo/shop/{path:.+}": Example(None, names={"path:.+": "shop.css"}, foreign=None),
    "GET /health": Example(None, foreign=None),
    "GET /ready": Example(None, foreign=None),
    "GET /metrics": Example(None, foreign=None),
    "GET /metrics/targets": Example(None, foreign=None),
}
"""`METHOD /path` as in `tertulia.http.routes.ALL`."""

MESSAGES: dict[str, dict[str, Any] | None] = {
    # type → fields; None: it names no object
    "subscribe": {"topics": ["conversation:{conversation}"]},
    "unsubscribe": {"topics": ["conversation:{conversation}"]},
    "conversation:join": {"conversation_id": "{conversation}"},
    "conversation:leave": None,
    "conversation:typing:start": {"conversation_id": "{conversation}"},
    "conversation:typing:stop": {"conversation_id": "{conversation}"},
    "conversation:read": {"conversation_id": "{conversation}", "seq": 1},
    "message:send": {"conversation_id": "{conversation}", "content": "hello"},
    "agent:takeover": {"conversation_id": "{conversation}"},
    "agent:status": None,
    "offer:accept": {"conversation_id": "{conversation}"},
    "offer:decline": {"conversation_id": "{conversation}"},
    "ping": None,
}
"""Every type of `tertulia.http.routes.streams.messages.MESSAGES`, naming an object of another account."""


def filled(value: Any, objects: dict[str, str]) -> Any:
    """`value` with every `{name}` replaced."""
    if isinstance(value, str):
        for name, text in objects.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, dict):
        return {k: filled(v, objects) for k, v in value.items()}
    if isinstance(value, list):
        return [filled(v, objects) for v in value]
    return value


def sent(body: Any) -> dict[str, Any]:
    """A body as arguments of httpx."""
    if isinstance(body, bytes):
        return {"content": body}
    return {} if body is None else {"json": body}

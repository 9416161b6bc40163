"""The rest of Postmark's API: templates, sent mails, the server.

https://postmarkapp.com/developer/api/messages-api, https://postmarkapp.com/developer/api/templates-api
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ..model import Channel, Sent, State
from ..provider import Call, Reads, json_response, object_of, whole
from . import channel as email
from . import templates
from .templates import refused

MAX_PAGE = 500
STATUSES = {"delivered": "Delivered", "read": "Opened", "failed": "Bounced"}


def _channels(state: State, call: Call) -> list[Channel]:
    """Those of the server: each address that it sends from is one."""
    token = email.find(state, call).credentials["server_token"]
    return [
        c for c in state.channels.values() if c.type == "email" and c.credentials["server_token"] == token
    ]


def _message(channel: Channel, sent: Sent) -> dict[str, Any]:
    mail = sent.request
    return {
        "Tag": mail.get("Tag", ""),
        "MessageID": sent.provider_id,
        "MessageStream": mail.get("MessageStream", "outbound"),
        "To": [{"Email": sent.to, "Name": None}],
        "Cc": [],
        "Bcc": [],
        "Recipients": [sent.to, *sent.context["others"]],
        "ReceivedAt": datetime.fromtimestamp(sent.at / 1000, UTC).isoformat(),
        "From": mail["From"],
        "Subject": sent.context["subject"],
        "Attachments": [file["Name"] for file in mail.get("Attachments", [])],
        "Status": "Sent",
        "TrackOpens": bool(mail.get("TrackOpens")),
        "TrackLinks": mail.get("TrackLinks", "None"),
        "Metadata": sent.context["metadata"],
        "Sandboxed": False,
    }


def _list(state: State, call: Call) -> web.Response:
    """The newest first."""
    query = call.query
    found = [(channel, sent) for channel in _channels(state, call) for sent in channel.sent]
    wanted = [
        both
        for both in sorted(found, key=lambda both: both[1].at, reverse=True)
        if query.get("recipient") in (None, "", both[1].to)
        and query.get("tag") in (None, "", both[1].request.get("Tag", ""))
        and query.get("subject") in (None, "", both[1].context["subject"])
    ]
    offset = whole(query.get("offset"), 0, 10**6)
    count = whole(query.get("count"), 0, MAX_PAGE)
    if not count:
        raise refused(422, 600, "'count' must be from 1 to 500.")
    page = wanted[offset : offset + count]
    return json_response({"TotalCount": len(wanted), "Messages": [_message(*both) for both in page]})


def _details(state: State, call: Call) -> web.Response:
    for channel in _channels(state, call):
        if (sent := channel.find(call.path["message"])) is not None:
            event = STATUSES.get(channel.statuses.get(sent.provider_id, ""))
            events = [{"Recipient": sent.to, "Type": event, "Details": {}}] if event else []
            bodies = {"TextBody": sent.request.get("TextBody"), "HtmlBody": sent.request.get("HtmlBody")}
            return json_response(
                _message(channel, sent) | bodies | {"Body": sent.text, "MessageEvents": events}
            )
    raise refused(422, 701, "This message was not found or cannot be retrieved.")


def _templates(state: State, call: Call) -> web.Response:
    channel = _owner(state, call)
    if call.method == "POST":
        return json_response(templates.summary(templates.saved(channel, _fields(call))))
    count, offset = whole(call.query.get("Count"), 100, MAX_PAGE), whole(call.query.get("Offset"), 0, 10**6)
    found = [templates.summary(template) for template in channel.templates.values()]
    return json_response({"TotalCount": len(found), "Templates": found[offset : offset + count]})


def _template(state: State, call: Call) -> web.Response:
    channel = _owner(state, call)
    template = templates.one(channel, call.path["template"])
    if call.method == "PUT":
        return json_response(templates.summary(templates.saved(channel, _fields(call), template)))
    if call.method == "DELETE":
        del channel.templates[template["TemplateId"]]
        return json_response({"ErrorCode": 0, "Message": f"Template {template['TemplateId']} removed."})
    return json_response(template)


def _owner(state: State, call: Call) -> Channel:
    return _channels(state, call)[0]


def _fields(call: Call) -> dict[str, Any]:
    found = object_of(call.body)
    if found is None:
        raise refused(422, 402, "Received invalid JSON input.")
    return found


def _server(state: State, call: Call) -> web.Response:
    channel = email.find(state, call)
    return json_response(
        {
            "ID": 1,
            "Name": "Double",
            "ApiTokens": [channel.credentials["server_token"]],
            "Color": "Blue",
            "SmtpApiActivated": True,
            "RawEmailEnabled": False,
            "DeliveryType": "Live",
            "ServerLink": f"{call.origin}/double",
            "InboundHookUrl": channel.webhook_url,
            "TrackOpens": True,
            "TrackLinks": "None",
        }
    )


READ: Reads = (
    ("GET", "/messages/outbound", _list),
    ("GET", "/messages/outbound/{message:[0-9a-f-]{36}}/details", _details),
    ("GET", "/templates", _templates),
    ("POST", "/templates", _templates),
    ("GET", "/templates/{template:[A-Za-z0-9._-]+}", _template),
    ("PUT", "/templates/{template:[A-Za-z0-9._-]+}", _template),
    ("DELETE", "/templates/{template:[A-Za-z0-9._-]+}", _template),
    ("GET", "/server", _server),
)

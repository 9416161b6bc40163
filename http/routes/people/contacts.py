"""`/v1/contacts`: the customers. Effects of merges, renaming and erasure on conversations: `actions/reconcile.py`."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id, now_ms
from ....core.accounts.identifiers import normalised
from ....core.accounts.records import ChannelType, Contact
from ....core.errors import Invalid, NotFound
from ....core.ports.resources import NewIdentifier
from ....core.text.fields import NextCursor, about
from ....core.times import rfc3339
from ....core.views.conversations import conversation_view, entry_view
from ....core.views.resources import ContactExport, ContactView, contact_view
from ...actions import conversations, reconcile
from ...framework.cors import CORS
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, author, check_size, cursor, given, place
from ...framework.problems import stamp

TAG = "contacts"
EXPORT_PAGE = 500
"""Entries of an export held in memory at once."""


class IdentifierOfNewContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    channel_type: Annotated[ChannelType, about("The channel type of the address", "webchat")]
    identifier: Annotated[conversations.Identifier, about("The address", "visitor-7f3a")]
    display_name: Annotated[conversations.Name | None, about("The name used with it", "Marta")] = None


class NewContact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[conversations.Name | None, about("The customer's name", "Marta")] = None
    attributes: Annotated[
        dict[str, Any],
        about(
            "Free-form: what the account keeps about the customer, at most 16,384 bytes as JSON",
            {"vip": True},
        ),
    ] = {}
    identifiers: Annotated[
        list[IdentifierOfNewContact], msgspec.Meta(max_length=50), about("The customer's addresses", [])
    ] = []


class ContactPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`attributes` are replaced as a whole. A new name is applied to the contact's conversations."""

    name: Annotated[
        conversations.Name | msgspec.UnsetType | None, about("The customer's name; null to clear it", "Marta")
    ] = msgspec.UNSET
    attributes: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about("Free-form: replaced as a whole, at most 16,384 bytes as JSON", {"vip": True}),
    ] = msgspec.UNSET


class ContactsQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    q: Annotated[
        Annotated[str, msgspec.Meta(min_length=1, max_length=200, description="What to look for")] | None,
        about(
            "Only those with all of these words in their name or one of their addresses: any part of a word or number, in any script,"
            " regardless of case and accents, and phone numbers in any spelling",
            "marta",
        ),
    ] = None


class MergeRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    into: Annotated[
        conversations.Uuid, about("The contact that gets everything", "0190a5f0-7c1e-7000-8000-00000000c0a2")
    ]


class ContactsPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ContactView], about("The contacts")]
    next_cursor: NextCursor


async def create(call: Call[NewContact]) -> web.Response:
    body = call.body
    check_size(body.attributes, "attributes")
    keys: list[tuple[ChannelType, str]] = [
        (i.channel_type, normalised(i.channel_type, i.identifier, f"identifiers[{n}].identifier"))
        for n, i in enumerate(body.identifiers)
    ]
    for index, key in enumerate(keys):
        if key in keys[:index]:
            raise Invalid(
                "the body is not valid", errors=((f"identifiers[{index}].identifier", "given twice"),)
            )
    identifiers = [
        NewIdentifier(fresh_id(), *key, i.display_name) for key, i in zip(keys, body.identifiers, strict=True)
    ]
    contact = await call.services.stores.contacts.create(
        call.account_id, fresh_id(), body.name, body.attributes, identifiers
    )
    return created(contact_view(contact), BASE)


async def index(call: Call[None]) -> web.Response:
    query: ContactsQuery = call.query
    q = query.q.strip() if query.q else None
    page = await call.services.stores.contacts.page(
        call.account_id, q or None, place(query.cursor), query.limit
    )
    return answer(ContactsPage([contact_view(c) for c in page.items], cursor(page.next)))


async def _found(call: Call[Any]) -> Contact:
    contact = await call.services.stores.contacts.get(call.account_id, call.id())
    if contact is None:
        raise NotFound("no such contact")
    return contact


async def read(call: Call[None]) -> web.Response:
    return answer(contact_view(await _found(call)))


async def patch(call: Call[ContactPatch]) -> web.Response:
    changes = given(call.body)
    check_size(changes.get("attributes"), "attributes")
    contact = await call.services.stores.contacts.update(call.account_id, call.id(), changes)
    if contact is None:
        raise NotFound("no such contact")
    if "name" in changes:
        await reconcile.rename(call, contact)
    return answer(contact_view(contact))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.contacts.delete(call.account_id, call.id()):
        raise NotFound("no such contact")
    return no_content()


async def merge(call: Call[MergeRequest]) -> web.Response:
    left, into = call.id(), call.body.into
    if left == into:
        raise Invalid("the body is not valid", errors=(("into", "must be another contact"),))
    contact = await call.services.stores.contacts.merge(call.account_id, left, into, author(call))
    if contact is None:
        raise NotFound("no such contact")
    await reconcile.follow(call, left, contact)
    return answer(contact_view(contact))


async def erase(call: Call[None]) -> web.Response:
    await reconcile.erase(call, call.id())
    return no_content()


async def export(call: Call[None]) -> web.StreamResponse:
    """Streams the answer, one conversation at a time; if it breaks off, it is not valid JSON."""
    async with call.services.expensive.counted(call.principal):
        return await _export(call)


async def _export(call: Call[None]) -> web.StreamResponse:
    contact, stores = await _found(call), call.services.stores
    await stores.audit.add(call.account_id, author(call), "contact.exported", ("contact", contact.id))
    response = web.StreamResponse(
        headers={
            "Content-Type": "application/json",
            "Content-Disposition": f'attachment; filename="contact-{contact.id}.json"',
        }
    )
    response.headers.update(await call.app[CORS].headers_for(call.request, response.status))
    stamp(call.request, response)
    await response.prepare(call.request)
    encode = msgspec.json.encode
    await response.write(
        b'{"exported_at":' + encode(rfc3339(now_ms())) + b',"contact":' + encode(contact_view(contact))
    )
    await response.write(b',"conversations":[')
    first = True
    for conversation_id in await stores.contacts.conversations(call.account_id, contact.id):
        c = await stores.conversations.get(call.account_id, conversation_id)
        if c is None:
            continue
        head = b"" if first else b","
        first = False
        await response.write(head + b'{"conversation":' + encode(conversation_view(c)) + b',"entries":[')
        await _write_entries(call, response, conversation_id)
        await response.write(b"]}")
    await response.write(b"]}")
    await response.write_eof()
    return response


async def _write_entries(call: Call[Any], response: web.StreamResponse, conversation_id: str) -> None:
    after, head = 0, b""
    while True:
        page = await call.services.stores.conversations.entries(
            call.account_id, conversation_id, after=after, limit=EXPORT_PAGE
        )
        if not page:
            return
        await response.write(head + b",".join(msgspec.json.encode(entry_view(e)) for e in page))
        after, head = page[-1].seq, b","


BASE = "/v1/contacts"
ONE = {200: ContactView}
ROUTES = [
    Route("GET", BASE, index, "contacts.read", {200: ContactsPage}, "listContacts", "Contacts, newest first", query=ContactsQuery,
          tag=TAG, expensive=lambda query: query.q is not None),
    Route("POST", BASE, create, "contacts.write", {201: ContactView}, "createContact", "Create a contact", body=NewContact, tag=TAG, locates=True),
    Route("GET", BASE + "/{id}", read, "contacts.read", ONE, "getContact", "One contact", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, "contacts.write", ONE, "updateContact", "Change a contact", body=ContactPatch, tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, "contacts.write", {204: None},
          "deleteContact", "Delete a contact without conversations", tag=TAG),
    Route("POST", BASE + "/{id}/merge", merge, "contacts.merge", ONE,
          "mergeContact", "Merge a contact into another one, which is returned", body=MergeRequest, tag=TAG),
    Route("POST", BASE + "/{id}/erase", erase, "contacts.erase", {204: None},
          "eraseContact", "Erase a customer for good: names, addresses and messages", tag=TAG),
    Route("GET", BASE + "/{id}/export", export, "contacts.export", {200: ContactExport},
          "exportContact", "Everything about a contact", tag=TAG),
]  # fmt: skip

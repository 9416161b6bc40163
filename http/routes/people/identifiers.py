"""`/v1/contact-identifiers`: the customers' addresses. Each belongs to one contact of the account."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from aiohttp import web

from ....actors.clock import fresh_id
from ....core.accounts.identifiers import normalised
from ....core.accounts.records import ChannelType, ContactIdentifier
from ....core.errors import NotFound
from ....core.ports.resources import NewIdentifier
from ....core.text.fields import NextCursor, about
from ....core.views.resources import ContactIdentifierView, identifier_view
from ...actions import conversations, reconcile
from ...framework.endpoint import Call, Route, answer, created, no_content
from ...framework.pagination import PageQuery, check_size, cursor, given, place

TAG = "contacts"


class NewContactIdentifier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    contact_id: Annotated[conversations.Uuid, about("The customer", "0190a5f0-7c1e-7000-8000-00000000c0a1")]
    channel_type: Annotated[ChannelType, about("The channel type of the address", "webchat")]
    identifier: Annotated[conversations.Identifier, about("The address", "visitor-7f3a")]
    display_name: Annotated[conversations.Name | None, about("The name used with it", "Marta")] = None
    metadata: Annotated[
        dict[str, Any], about("Free-form: kept with the identifier, at most 16,384 bytes as JSON", {})
    ] = {}


class ContactIdentifierPatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Moving an identifier to another contact moves its conversations as well."""

    contact_id: Annotated[
        conversations.Uuid | msgspec.UnsetType,
        about("The contact to move it to, with its conversations", "0190a5f0-7c1e-7000-8000-00000000c0a1"),
    ] = msgspec.UNSET
    display_name: Annotated[
        conversations.Name | msgspec.UnsetType | None,
        about("The name used with it; null to clear it", "Marta"),
    ] = msgspec.UNSET
    metadata: Annotated[
        dict[str, Any] | msgspec.UnsetType,
        about("Free-form: replaced as a whole, at most 16,384 bytes as JSON", {}),
    ] = msgspec.UNSET


class IdentifiersQuery(PageQuery, frozen=True, forbid_unknown_fields=True):
    contact_id: Annotated[conversations.Uuid | None, about("Only those of this customer")] = None


class ContactIdentifiersPage(msgspec.Struct, frozen=True):
    items: Annotated[list[ContactIdentifierView], about("The identifiers")]
    next_cursor: NextCursor


async def create(call: Call[NewContactIdentifier]) -> web.Response:
    body = call.body
    check_size(body.metadata, "metadata")
    identifier = normalised(body.channel_type, body.identifier, "identifier")
    wanted = NewIdentifier(fresh_id(), body.channel_type, identifier, body.display_name, body.metadata)
    made = await call.services.stores.contacts.add_identifier(call.account_id, body.contact_id, wanted)
    if made is None:
        raise NotFound("no such contact", errors=(("contact_id", "no such contact"),))
    return created(identifier_view(made), BASE)


async def index(call: Call[None]) -> web.Response:
    query: IdentifiersQuery = call.query
    page = await call.services.stores.contacts.identifiers(
        call.account_id, query.contact_id, place(query.cursor), query.limit
    )
    return answer(ContactIdentifiersPage([identifier_view(i) for i in page.items], cursor(page.next)))


async def _found(call: Call[Any]) -> ContactIdentifier:
    found = await call.services.stores.contacts.identifier(call.account_id, call.id())
    if found is None:
        raise NotFound("no such contact identifier")
    return found


async def read(call: Call[None]) -> web.Response:
    return answer(identifier_view(await _found(call)))


async def patch(call: Call[ContactIdentifierPatch]) -> web.Response:
    changes = given(call.body)
    check_size(changes.get("metadata"), "metadata")
    before, contacts = await _found(call), call.services.stores.contacts
    after = await contacts.update_identifier(call.account_id, before.id, changes)
    if after is None:
        raise NotFound("no such contact identifier")
    if after.contact_id != before.contact_id:
        contact = await contacts.get(call.account_id, after.contact_id)
        if contact is not None:
            await reconcile.follow(call, before.contact_id, contact, after)
    return answer(identifier_view(after))


async def delete(call: Call[None]) -> web.Response:
    if not await call.services.stores.contacts.delete_identifier(call.account_id, call.id()):
        raise NotFound("no such contact identifier")
    return no_content()


BASE = "/v1/contact-identifiers"
ONE = {200: ContactIdentifierView}
ROUTES = [
    Route("GET", BASE, index, "contacts.read", {200: ContactIdentifiersPage}, "listContactIdentifiers", "Contact identifiers, oldest first",
          query=IdentifiersQuery, tag=TAG),
    Route("POST", BASE, create, "contacts.write", {201: ContactIdentifierView}, "createContactIdentifier", "Add an identifier to a contact",
          body=NewContactIdentifier, tag=TAG, refuses=(404,), locates=True),
    Route("GET", BASE + "/{id}", read, "contacts.read", ONE, "getContactIdentifier", "One contact identifier", tag=TAG),
    Route("PATCH", BASE + "/{id}", patch, "contacts.write", ONE, "updateContactIdentifier", "Change a contact identifier",
          body=ContactIdentifierPatch, tag=TAG),
    Route("DELETE", BASE + "/{id}", delete, "contacts.write", {204: None},
          "deleteContactIdentifier", "Delete a contact identifier; its conversations keep their contact", tag=TAG),
]  # fmt: skip

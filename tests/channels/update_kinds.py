"""Every kind of update that the providers document, in its shortest form, with the expected result.

https://core.telegram.org/bots/api#update, https://core.telegram.org/bots/api#message,
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference,
https://developers.facebook.com/documentation/business-messaging/messenger-platform/webhooks/webhook-events,
https://developers.facebook.com/documentation/instagram-platform/webhooks/examples,
https://www.twilio.com/docs/messaging/guides/webhook-request, https://postmarkapp.com/developer/webhooks/webhooks-overview
"""

from __future__ import annotations

from typing import Any, Final

ASIDE: Final = "set aside"
CHAT: Final = {"id": 7, "type": "private", "first_name": "Ana"}
GROUP: Final = {"id": -7, "type": "group", "title": "G"}
_ANA: Final = {"id": 7, "is_bot": False, "first_name": "Ana"}
_SAID: Final = {"message_id": 1, "date": 1_795_969_000, "chat": CHAT, "from": _ANA}
_TEXT: Final = {**_SAID, "text": "hi"}
_FILE: Final = {"file_id": "f", "file_unique_id": "u", "file_size": 3}
_PHOTO: Final = [{**_FILE, "width": 9, "height": 9}]
_PLACE: Final = {"latitude": 1.5, "longitude": 2.5}
_REACTED: Final = {"chat": CHAT, "message_id": 1, "user": _ANA, "date": 1_795_969_000}
_MEMBER: Final = {"chat": CHAT, "from": _ANA, "date": 1_795_969_000, "old_chat_member": {"status": "member"}}

TELEGRAM_UPDATES: Final[dict[str, tuple[Any, str]]] = {
    "message": (_TEXT, "text"),
    "edited_message": ({**_TEXT, "edit_date": 1_795_969_001}, "edited"),
    "channel_post": ({**_TEXT, "chat": {"id": -7, "type": "channel"}}, ASIDE),
    "edited_channel_post": ({**_TEXT, "chat": {"id": -7, "type": "channel"}}, ASIDE),
    "business_connection": (
        {"id": "b", "user": _ANA, "user_chat_id": 7, "date": 1, "is_enabled": True},
        ASIDE,
    ),
    "business_message": ({**_TEXT, "business_connection_id": "b"}, "text"),
    "edited_business_message": (
        {**_TEXT, "business_connection_id": "b", "edit_date": 1_795_969_001},
        "edited",
    ),
    "deleted_business_messages": ({"business_connection_id": "b", "chat": CHAT, "message_ids": [1]}, ASIDE),
    "guest_message": (_TEXT, ASIDE),
    "message_reaction": (
        {**_REACTED, "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}]},
        "reaction",
    ),
    "message_reaction_count": ({"chat": GROUP, "message_id": 1, "date": 1, "reactions": []}, ASIDE),
    "inline_query": ({"id": "q", "from": _ANA, "query": "x", "offset": ""}, ASIDE),
    "chosen_inline_result": ({"result_id": "r", "from": _ANA, "query": "x"}, ASIDE),
    "callback_query": (
        {"id": "q", "from": _ANA, "message": _TEXT, "chat_instance": "1", "data": "y"},
        "button",
    ),
    "shipping_query": ({"id": "q", "from": _ANA, "invoice_payload": "x"}, ASIDE),
    "pre_checkout_query": ({"id": "q", "from": _ANA, "currency": "EUR", "total_amount": 1}, ASIDE),
    "purchased_paid_media": ({"from": _ANA, "paid_media_payload": "x"}, ASIDE),
    "poll": ({"id": "p", "question": "?", "options": []}, ASIDE),
    "poll_answer": ({"poll_id": "p", "user": _ANA, "option_ids": [0]}, "poll_answer"),
    "my_chat_member": ({**_MEMBER, "new_chat_member": {"status": "kicked", "user": _ANA}}, "system"),
    "chat_member": ({**_MEMBER, "new_chat_member": {"status": "left", "user": _ANA}}, ASIDE),
    "chat_join_request": ({"chat": GROUP, "from": _ANA, "date": 1}, ASIDE),
    "chat_boost": ({"chat": GROUP, "boost": {}}, ASIDE),
    "removed_chat_boost": ({"chat": GROUP, "boost_id": "x"}, ASIDE),
    "managed_bot": ({"user": _ANA, "bot": {"id": 8}}, ASIDE),
    "subscription": ({"user": _ANA}, ASIDE),
    "stopped_message_generation": ({"chat": CHAT}, ASIDE),
    "not_thought_of_yet": ({"chat": CHAT}, ASIDE),
}

TELEGRAM_CONTENTS: Final[dict[str, tuple[Any, str, str]]] = {
    "text": ("hi", "text", "hi"),
    "animation": ({**_FILE, "width": 1, "height": 1, "duration": 1}, "video", ""),
    "audio": ({**_FILE, "duration": 1}, "audio", ""),
    "document": ({**_FILE, "file_name": "a.pdf"}, "document", ""),
    "live_photo": ({**_FILE, "width": 1, "height": 1, "duration": 1}, "image", ""),
    "paid_media": ({"star_count": 5, "paid_media": [{"type": "photo", "photo": _PHOTO}]}, "image", ""),
    "photo": (_PHOTO, "image", ""),
    "sticker": ({**_FILE, "type": "regular", "emoji": "😀"}, "sticker", "😀"),
    "story": ({"chat": CHAT, "id": 3}, "unsupported", "[unsupported message: story]"),
    "video": ({**_FILE, "width": 1, "height": 1, "duration": 1}, "video", ""),
    "video_note": ({**_FILE, "length": 1, "duration": 1}, "video", ""),
    "voice": ({**_FILE, "duration": 1}, "audio", ""),
    "checklist": ({"title": "Trip", "tasks": [{"id": 1, "text": "tent", "completion_date": 1}, {"id": 2, "text": "map"}]}, "checklist", "Trip\n[x] tent\n[ ] map"),
    "contact": ({"phone_number": "+46701", "first_name": "Ida"}, "contacts", "Ida, +46701"),
    "dice": ({"emoji": "🎲", "value": 4}, "dice", "🎲 4"),
    "game": ({"title": "Chess", "description": "a game", "photo": _PHOTO}, "game", "Chess\na game"),
    "poll": ({"id": "p", "question": "Tea?", "options": [{"text": "yes"}]}, "poll", "Tea?\n- yes"),
    "venue": ({"location": _PLACE, "title": "Shop", "address": "Street"}, "location", "Shop\nStreet\n1.5, 2.5"),
    "location": (_PLACE, "location", "1.5, 2.5"),
    "invoice": ({"title": "Lamp", "description": "red", "currency": "EUR", "total_amount": 1}, "invoice", "Lamp\nred"),
    "users_shared": ({"request_id": 1, "users": [{"user_id": 9, "first_name": "Bo"}, {"user_id": 10}]}, "contacts", "Bo\n10"),
    "web_app_data": ({"data": "size=4", "button_text": "Order"}, "form", "Order\nsize=4"),
    "rich_message": ({"blocks": [{"type": "heading", "text": "Order", "size": 1}, {"type": "paragraph", "text": ["two ", {"type": "bold", "text": "lamps"}]}]}, "text", "Order\ntwo lamps"),
    "successful_payment": ({"currency": "EUR", "total_amount": 1990}, "payment", "[payment: 19.90 EUR]"),
    "refunded_payment": ({"currency": "XTR", "total_amount": 50}, "payment", "[payment refunded: 50 XTR]"),
    "gift": ({"gift": {"id": "g"}, "text": "For you"}, "gift", "[gift]\nFor you"),
    "unique_gift": ({"gift": {"base_name": "Bear"}}, "gift", "[gift]"),
    "checklist_tasks_done": ({"checklist_message": {"checklist": {"title": "T", "tasks": [{"id": 1, "text": "tent"}]}}, "marked_as_done_task_ids": [1], "marked_as_not_done_task_ids": [2]}, "checklist", "[x] tent\n[ ] 2"),
    "checklist_tasks_added": ({"tasks": [{"id": 3, "text": "rope"}]}, "checklist", "[ ] rope"),
    "chat_shared": ({"request_id": 1, "chat_id": -9, "title": "Club"}, "chat_shared", "Club"),
    "pinned_message": ({"message_id": 1, "date": 0, "chat": CHAT}, "system", "[pinned message]"),
    "forum_topic_created": ({"name": "Returns", "icon_color": 1}, "system", "[forum topic created: Returns]"),
    "message_auto_delete_timer_changed": ({"message_auto_delete_time": 60}, "system", "[message auto delete timer changed]"),
    "write_access_allowed": ({"from_request": True}, "system", "[write access allowed]"),
    "connected_website": ("a.example", "system", "[connected website: a.example]"),
    "chat_background_set": ({"type": {"type": "fill"}}, "system", "[chat background set]"),
    "passport_data": ({"data": [], "credentials": {}}, "unsupported", "[unsupported message: passport_data]"),
    "not_thought_of_yet": ({"file_id": "f", "mime_type": "audio/x"}, "audio", ""),
}  # fmt: skip
"""Content → its value in a message, the content type, and the content."""

_WHO: Final = {"from": "447700900001", "id": "wamid.1", "timestamp": "1795969000"}
_MEDIA: Final = {"id": "m", "mime_type": "image/jpeg", "sha256": "s"}
_PICKED: Final = {"id": "y", "title": "Yes"}
WHATSAPP_MESSAGES: Final[dict[str, tuple[Any, str]]] = {
    "text": ({"body": "hi"}, "text"),
    "image": (_MEDIA, "image"),
    "audio": ({**_MEDIA, "voice": True}, "audio"),
    "video": (_MEDIA, "video"),
    "document": ({**_MEDIA, "filename": "a.pdf"}, "document"),
    "sticker": (_MEDIA, "sticker"),
    "location": (_PLACE, "location"),
    "contacts": ([{"name": {"formatted_name": "Zoe"}}], "contacts"),
    "reaction": ({"message_id": "wamid.0", "emoji": "👍"}, "reaction"),
    "button": ({"text": "Yes", "payload": "y"}, "button"),
    "interactive": ({"type": "button_reply", "button_reply": _PICKED}, "button"),
    "interactive list": ({"type": "list_reply", "list_reply": _PICKED}, "list"),
    "interactive form": ({"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{}"}}, "form"),
    "interactive call_permission": ({"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}}, "system"),
    "interactive product": ({"type": "product", "body": {"text": "This one?"}, "action": {"catalog_id": "c", "product_retailer_id": "lamp-red"}}, "product"),
    "interactive not_thought_of_yet": ({"type": "not_thought_of_yet"}, "unsupported"),
    "order": ({"catalog_id": "c", "product_items": [{"quantity": 1}]}, "order"),
    "system": ({"body": "changed", "wa_id": "447700900002", "type": "user_changed_number"}, "system"),
    "system user_id": ({"body": "changed", "user_id": "GB.2", "previous_user_id": "GB.1", "type": "user_changed_user_id"}, "system"),
    "request_welcome": ({}, "system"),
    "unsupported": ({"type": "poll_creation"}, "unsupported"),
    "edit": ({"original_message_id": "wamid.0", "message": {"type": "text", "text": {"body": "hey"}}}, "edited"),
    "revoke": ({"original_message_id": "wamid.0"}, "edited"),
    "not_thought_of_yet": (_MEDIA, "image"),
}  # fmt: skip
"""Type of a message, a word beside it apart → its part, and the content type."""
WHATSAPP_FIELDS: Final = (
    "account_alerts", "account_review_update", "account_settings_update", "account_update", "automatic_events",
    "business_capability_update", "business_status_update", "flows", "group_lifecycle_update", "group_participants_update",
    "group_settings_update", "group_status_update", "history", "message_template_components_update",
    "message_template_quality_update", "message_template_status_update", "messaging_handovers", "partner_solutions",
    "payment_configuration_update", "phone_number_name_update", "phone_number_quality_update", "security",
    "smb_app_state_sync", "template_category_update", "template_correct_category_detection", "tracking_events",
    "user_id_update", "user_preferences", "business_username_update", "standby", "not_thought_of_yet",
)  # fmt: skip
"""Fields of a change that are of no message: they are set aside."""


def whatsapp_message(kind: str, part: Any) -> dict[str, Any]:
    type_ = kind.partition(" ")[0]
    return {**_WHO, "type": type_, type_: part}


_TO_PAGE: Final = {"sender": {"id": "55"}, "recipient": {"id": "1"}, "timestamp": 1_795_969_000_000}
_URL: Final = {"url": "https://cdn.example/a"}


def _attached(kind: str, **payload: Any) -> dict[str, Any]:
    return {**_TO_PAGE, "message": {"mid": "m1", "attachments": [{"type": kind, "payload": payload or _URL}]}}


MESSENGER_EVENTS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "messages": ({**_TO_PAGE, "message": {"mid": "m1", "text": "hi"}}, "text"),
    "image": (_attached("image"), "image"),
    "audio": (_attached("audio"), "audio"),
    "video": (_attached("video"), "video"),
    "file": (_attached("file"), "document"),
    "fallback": (_attached("fallback", title="A page", url="https://a.example"), "fallback"),
    "location": (_attached("location", coordinates={"lat": 1, "long": 2}), "location"),
    "reel": (_attached("ig_reel", title="A reel", url="https://a.example"), "ig_reel"),
    "share": (_attached("share"), "share"),
    "story_mention": (_attached("story_mention"), "document"),
    "sticker": (_attached("sticker", url="https://cdn.example/s", sticker_id=7), "sticker"),
    "sticker without a picture": (_attached("sticker", sticker_id=7), "sticker"),
    "product": (_attached("template", product={"elements": [{"id": "1", "title": "Lamp", "subtitle": "19.90 €"}]}), "product"),
    "template": (_attached("template", template_type="generic", elements=[{"title": "Lamp"}]), "template"),
    "ig_post": (_attached("ig_post", ig_post_media_id="1", title="A post", url="https://a.example"), "ig_post"),
    "an attachment of another type": (_attached("not_thought_of_yet"), "document"),
    "ephemeral": ({**_TO_PAGE, "message": {"mid": "m1", "attachments": [{"type": "ephemeral"}]}}, "unsupported"),
    "unsupported": ({**_TO_PAGE, "message": {"mid": "m1", "is_unsupported": True}}, "unsupported"),
    "deleted": ({**_TO_PAGE, "message": {"mid": "m1", "is_deleted": True}}, "edited"),
    "quick reply": ({**_TO_PAGE, "message": {"mid": "m1", "text": "Yes", "quick_reply": {"payload": "y"}}}, "button"),
    "message_echoes": ({**_TO_PAGE, "message": {"mid": "m1", "text": "hi", "is_echo": True, "app_id": 7}}, "text"),
    "message_edits": ({**_TO_PAGE, "message_edit": {"mid": "m1", "text": "hey", "num_edit": 1}}, "edited"),
    "message_reactions": ({**_TO_PAGE, "reaction": {"mid": "m1", "action": "react", "reaction": "love", "emoji": "❤"}}, "reaction"),
    "message_deliveries": ({**_TO_PAGE, "delivery": {"mids": ["m1"], "watermark": 1_795_969_000_000}}, "delivered"),
    "message_reads": ({**_TO_PAGE, "read": {"watermark": 1_795_969_000_000}}, "read"),
    "messaging_seen": ({**_TO_PAGE, "read": {"mid": "m1"}}, "read"),
    "messaging_postbacks": ({**_TO_PAGE, "postback": {"mid": "m1", "title": "Start", "payload": "s"}}, "button"),
    "messaging_referrals": ({**_TO_PAGE, "referral": {"ref": "ad", "source": "SHORTLINK", "type": "OPEN_THREAD"}}, "system"),
    "messaging_optins": ({**_TO_PAGE, "optin": {"type": "notification_messages", "title": "News"}}, "system"),
    "messaging_account_linking": ({**_TO_PAGE, "account_linking": {"status": "linked"}}, "system"),
    "messaging_feedback": ({**_TO_PAGE, "messaging_feedback": {"feedback_screens": []}}, "system"),
    "response_feedback": ({**_TO_PAGE, "response_feedback": {"feedback": "Good response", "mid": "m0"}}, "system"),
    "messaging_game_plays": ({**_TO_PAGE, "game_play": {"game_id": "g"}}, "system"),
    "messaging_customer_information": ({**_TO_PAGE, "messaging_customer_information": {"screens": []}}, "system"),
    "messaging_handovers": ({**_TO_PAGE, "pass_thread_control": {"new_owner_app_id": "1"}}, ASIDE),
    "messaging_policy_enforcement": ({"recipient": {"id": "1"}, "timestamp": 1, "policy_enforcement": {"action": "block"}}, ASIDE),
    "messaging_payments": ({**_TO_PAGE, "payment": {"payload": "x"}}, ASIDE),
    "not_thought_of_yet": ({**_TO_PAGE, "surprise": {}}, ASIDE),
}  # fmt: skip

_SMS: Final = {"MessageSid": "SM1", "From": "+14155550101", "To": "+14155550100", "NumMedia": "0"}
SMS_CALLS: Final[dict[str, tuple[dict[str, str], str]]] = {
    "text": ({**_SMS, "Body": "hi"}, "text"),
    "file": ({**_SMS, "NumMedia": "1", "MediaUrl0": "https://a", "MediaContentType0": "image/png"}, "image"),
    "opted out": ({**_SMS, "Body": "STOP", "OptOutType": "STOP"}, "text"),
    "location": ({**_SMS, "Latitude": "1", "Longitude": "2"}, "location"),
    "button": ({**_SMS, "ButtonText": "Yes", "ButtonPayload": "y"}, "button"),
    "list": ({**_SMS, "ListTitle": "Small", "ListId": "s"}, "button"),
    "button without a text": ({**_SMS, "ButtonPayload": "y"}, "button"),
    "form": ({**_SMS, "MessageType": "interactive", "FlowData": '{"size": 4, "flow_token": "t"}'}, "form"),
    "interactive": ({**_SMS, "MessageType": "interactive", "InteractiveData": '{"size": 4}'}, "form"),
    "a message of another type": ({**_SMS, "MessageType": "not_thought_of_yet"}, "unsupported"),
    "reaction": ({**_SMS, "ReactionEmoji": "👍", "ReactionMessageSid": "SM0"}, "reaction"),
    **{
        status: ({"MessageSid": "SM1", "MessageStatus": status}, becomes)
        for status, becomes in {
            "accepted": "nothing", "scheduled": "nothing", "queued": "nothing", "sending": "nothing", "sent": "sent",
            "delivered": "delivered", "partially_delivered": "delivered", "undelivered": "failed", "failed": "failed", "canceled": "failed", "read": "read",
            "not_thought_of_yet": ASIDE,
        }.items()
    },
}  # fmt: skip

_MAIL: Final = {
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Metadata": {},
    "Recipient": "a@x.example",
}
EMAIL_CALLS: Final[dict[str, tuple[dict[str, Any], str]]] = {
    "Inbound": ({"MessageID": "1", "FromFull": {"Email": "a@x.example"}, "TextBody": "hi"}, "text"),
    "Delivery": ({**_MAIL, "DeliveredAt": "2026-11-29T16:00:00Z"}, "delivered"),
    "Open": ({**_MAIL, "ReceivedAt": "2026-11-29T16:00:00Z"}, "read"),
    "Click": ({**_MAIL, "ReceivedAt": "2026-11-29T16:00:00Z"}, "read"),
    "SpamComplaint": ({**_MAIL, "BouncedAt": "2026-11-29T16:00:00Z", "Type": "SpamComplaint"}, "delivered"),
    "SubscriptionChange": ({**_MAIL, "SuppressSending": True}, ASIDE),
    **{
        f"Bounce {kind}": ({**_MAIL, "Type": kind, "BouncedAt": "2026-11-29T16:00:00Z"}, becomes)
        for becomes, kinds in {
            "failed": ("HardBounce", "BadEmailAddress", "Blocked", "DMARCPolicy", "ManuallyDeactivated", "SMTPApiError", "SoftBounce",
                       "SpamNotification", "TemplateRenderingFailed", "Unconfirmed", "VirusNotification"),
            "nothing": ("Transient", "DnsError"),
            ASIDE: ("AddressChange", "AutoResponder", "ChallengeVerification", "InboundError", "OpenRelayTest", "Subscribe",
                    "Unknown", "Unsubscribe", "not_thought_of_yet"),
        }.items()
        for kind in kinds
    },
}  # fmt: skip

"""The double's requests and its state, which is in memory and bounded."""

from __future__ import annotations

import asyncio
import itertools
import time
import uuid
from collections import OrderedDict, deque
from typing import Annotated, Any, Final, Literal

import msgspec

Type = Literal["whatsapp", "messenger", "telegram", "sms", "email"]
Status = Literal["sent", "delivered", "read", "failed"]

MAX_CHANNELS: Final = 200
MAX_SENT: Final = 10_000
MAX_SENT_BYTES: Final = 8 * 1024 * 1024
"""Messages kept for each channel, and their size as JSON. The oldest go first, and `forgotten` counts them; the newest
is kept whatever its size."""
MAX_UPDATES: Final = 10_000
MAX_TEMPLATES: Final = 100
MAX_FILES: Final = 256 * 1024 * 1024
"""Bytes of customers' files that can still be fetched; the oldest go first."""

Text = Annotated[str, msgspec.Meta(max_length=1_000_000)]
Url = Annotated[str, msgspec.Meta(pattern="^https?://[^ ]+$", max_length=2048)]
Id = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_.-]{1,64}$")]


class Registration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A channel: its credentials, as in Tertulia, and the URL of its webhooks."""

    type: Type
    webhook_url: Url
    credentials: dict[str, str]
    id: Id | None = None


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A customer's file; `data` is base64 on the wire."""

    data: bytes
    name: Annotated[str, msgspec.Meta(max_length=255)] = "file"
    content_type: Annotated[str, msgspec.Meta(max_length=100)] = "application/octet-stream"


Address = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class Button(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A button as the business sent it: `data` comes back, `title` is what the customer saw."""

    data: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
    title: Annotated[str, msgspec.Meta(max_length=80)] = ""


class CustomerMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"sender": "from"}):
    """A customer's message. `reply_to` and `edit` are provider ids. With `react`, an emoji, they react to the message
    `reply_to` (an empty one takes it back); with `press` they press a button of it. E-mail alone has `subject`, `cc`,
    `answer_to` (its Reply-To) and further `headers`."""

    sender: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    name: Annotated[str, msgspec.Meta(max_length=255)] | None = None
    text: Text = ""
    attachments: Annotated[list[File], msgspec.Meta(max_length=10)] = []
    reply_to: str | None = None
    edit: str | None = None
    react: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    press: Button | None = None
    subject: Annotated[str, msgspec.Meta(max_length=998)] | None = None
    cc: Annotated[list[Address], msgspec.Meta(max_length=50)] = []
    answer_to: Address | None = None
    headers: dict[str, Address] = {}


Numbers = dict[
    Annotated[str, msgspec.Meta(max_length=32)], Annotated[str, msgspec.Meta(pattern="^[0-9]{5,20}$")]
]
"""Telephone number as written → digits by which WhatsApp knows it: `{"+5511987654321": "551187654321"}`."""
MAX_NUMBERS: Final = 10_000


class Play(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Several messages at once, under the channel's webhook faults."""

    messages: Annotated[list[CustomerMessage], msgspec.Meta(min_length=1, max_length=1000)]


FaultKind = Literal["429", "500", "timeout", "drop_before", "drop_after", "garbage", "refuse"]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A fault of the next `count` sends of a channel.

    429 and 500: the provider's error. timeout: no response for `seconds`, then the connection closes; the message is lost.
    drop_before: the connection closes; the message is lost. drop_after: the message is accepted, then the connection
    closes. garbage: HTTP 200 with a page of HTML; the message is lost. refuse: the provider's own permanent error.
    """

    kind: FaultKind
    count: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    retry_after: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0, le=600)] = 30


class WebhookFaults(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The delivery of webhooks: each `duplicate` times, in a random order, all at once."""

    duplicate: Annotated[int, msgspec.Meta(ge=1, le=20)] = 1
    shuffle: bool = False
    concurrent: bool = False


class ReceiptPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The receipts that are sent automatically, each `delay` seconds after the one before."""

    sent: bool = True
    delivered: bool = True
    read: bool = False
    delay: Annotated[float, msgspec.Meta(ge=0, le=3600)] = 0.2


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One receipt, sent on request. `code` and `detail` say why a message failed."""

    provider_id: str
    status: Status
    code: str | None = None
    detail: str | None = None


class Sent(msgspec.Struct, frozen=True):
    """A message that the provider accepted. `request` is its body; receipts repeat `context`."""

    provider_id: str
    to: str
    text: str
    request: Any
    at: int = msgspec.field(default_factory=lambda: now_ms())
    context: dict[str, Any] = {}


class Webhook(msgspec.Struct, frozen=True):
    """A signed webhook call. `url` is the channel's, unless the message named another; a channel may have none, then what
    customers write waits to be asked for."""

    body: bytes
    headers: dict[str, str]
    provider_id: str
    url: str | None = None


class Answered(msgspec.Struct, frozen=True):
    """A receiver's response to a webhook; `status` is 0 if it could not be reached."""

    provider_id: str
    status: int
    body: str
    ms: float


class StoredFile(msgspec.Struct, frozen=True):
    file: File
    channel: str


class Channel:
    """A registered channel with its messages and faults."""

    def __init__(self, id: str, registration: Registration) -> None:
        self.id = id
        self.type: Type = registration.type
        self.webhook_url = registration.webhook_url
        self.credentials = registration.credentials
        self.sent: deque[Sent] = deque()
        self._sizes: deque[int] = deque()
        self._bytes = 0
        self.total_sent = 0
        self.webhooks = WebhookFaults()
        self.receipts = ReceiptPlan()
        self.fault: Fault | None = None
        self.statuses: dict[str, Status] = {}
        """Of the sent messages that are kept, by provider id: the last receipt."""
        self.numbers: Numbers = {}
        self.templates: dict[int, dict[str, Any]] = {}
        self.updates: deque[bytes] = deque(maxlen=MAX_UPDATES)
        """Customers' messages from the time without a webhook; the oldest are dropped first."""
        self.arrived = asyncio.Event()
        self._faults_left = 0
        self._numbers = itertools.count(
            int(time.time())
        )  # a provider never reuses a number, even after a restart

    def number(self) -> int:
        """The channel's next number, for an update or a message."""
        return next(self._numbers)

    def record(self, sent: Sent) -> None:
        size = len(msgspec.json.encode(sent))
        self.sent.append(sent)
        self._sizes.append(size)
        self._bytes += size
        self.total_sent += 1
        while len(self.sent) > MAX_SENT or (self._bytes > MAX_SENT_BYTES and len(self.sent) > 1):
            self.statuses.pop(self.sent.popleft().provider_id, None)
            self._bytes -= self._sizes.popleft()

    def canonical(self, number: str) -> str:
        """The digits by which the provider knows a telephone number."""
        digits = number.lstrip("+")
        return (
            self.numbers.get(number) or self.numbers.get(digits) or self.numbers.get(f"+{digits}") or digits
        )

    def find(self, provider_id: str) -> Sent | None:
        return next((s for s in reversed(self.sent) if s.provider_id == provider_id), None)

    def amend(self, sent: Sent, **changes: Any) -> None:
        """Change what was sent: an edit, or that it was taken back."""
        place = self.sent.index(sent)
        changed = self.sent[place] = msgspec.structs.replace(sent, **changes)
        size = len(msgspec.json.encode(changed))
        self._bytes += size - self._sizes[place]
        self._sizes[place] = size

    def set_fault(self, fault: Fault | None) -> None:
        self.fault, self._faults_left = fault, fault.count if fault else 0

    @property
    def faults_left(self) -> int:
        return self._faults_left

    def next_fault(self) -> Fault | None:
        """The fault for the current send, if any."""
        if self._faults_left == 0:
            return None
        self._faults_left -= 1
        return self.fault


class State:
    """The channels and customers' files."""

    def __init__(self) -> None:
        self.channels: dict[str, Channel] = {}
        self._files: OrderedDict[str, StoredFile] = OrderedDict()
        self._bytes = 0

    def register(self, registration: Registration) -> Channel:
        """Add a channel, replacing one of the same id. Raises OverflowError if there are too many."""
        id = registration.id or str(uuid.uuid4())
        if id not in self.channels and len(self.channels) >= MAX_CHANNELS:
            raise OverflowError
        channel = self.channels[id] = Channel(id, registration)
        return channel

    def find(self, type: Type, field: str, value: str) -> Channel | None:
        """The channel of a type that has this credential, by which a provider finds a request's account."""
        return next(
            (c for c in self.channels.values() if c.type == type and c.credentials[field] == value), None
        )

    def keep(self, channel: Channel, file: File) -> str:
        """Keep a file, and return the id to fetch it with."""
        id = str(uuid.uuid4().int)[:16]
        self._files[id] = StoredFile(file, channel.id)
        self._bytes += len(file.data)
        while self._bytes > MAX_FILES and len(self._files) > 1:
            _, gone = self._files.popitem(last=False)
            self._bytes -= len(gone.file.data)
        return id

    def discard(self, id: str) -> None:
        if (gone := self._files.pop(id, None)) is not None:
            self._bytes -= len(gone.file.data)

    def file(self, id: str) -> StoredFile | None:
        return self._files.get(id)


def now_ms() -> int:
    return time.time_ns() // 1_000_000

import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Feature(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FEATURE_UNSPECIFIED: _ClassVar[Feature]
    FEATURE_EVENTS: _ClassVar[Feature]
    FEATURE_ECHO: _ClassVar[Feature]
    FEATURE_RENAME: _ClassVar[Feature]
    FEATURE_SEARCH: _ClassVar[Feature]

class Recovery(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RECOVERY_UNSPECIFIED: _ClassVar[Recovery]
    RECOVERY_COMPLETE: _ClassVar[Recovery]
    RECOVERY_PARTIAL: _ClassVar[Recovery]

class LeaveReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEAVE_REASON_UNSPECIFIED: _ClassVar[LeaveReason]
    LEAVE_REASON_QUIT: _ClassVar[LeaveReason]
    LEAVE_REASON_LOST: _ClassVar[LeaveReason]
    LEAVE_REASON_REMOVED: _ClassVar[LeaveReason]
    LEAVE_REASON_TOO_SLOW: _ClassVar[LeaveReason]
FEATURE_UNSPECIFIED: Feature
FEATURE_EVENTS: Feature
FEATURE_ECHO: Feature
FEATURE_RENAME: Feature
FEATURE_SEARCH: Feature
RECOVERY_UNSPECIFIED: Recovery
RECOVERY_COMPLETE: Recovery
RECOVERY_PARTIAL: Recovery
LEAVE_REASON_UNSPECIFIED: LeaveReason
LEAVE_REASON_QUIT: LeaveReason
LEAVE_REASON_LOST: LeaveReason
LEAVE_REASON_REMOVED: LeaveReason
LEAVE_REASON_TOO_SLOW: LeaveReason

class ChatMessage(_message.Message):
    __slots__ = ("join", "message", "typing", "heartbeat", "leave", "rename")
    JOIN_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    RENAME_FIELD_NUMBER: _ClassVar[int]
    join: JoinChat
    message: Message
    typing: Typing
    heartbeat: Heartbeat
    leave: Leave
    rename: Rename
    def __init__(self, join: _Optional[_Union[JoinChat, _Mapping]] = ..., message: _Optional[_Union[Message, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., leave: _Optional[_Union[Leave, _Mapping]] = ..., rename: _Optional[_Union[Rename, _Mapping]] = ...) -> None: ...

class JoinChat(_message.Message):
    __slots__ = ("room_id", "name", "features", "history", "resume")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    name: str
    features: _containers.RepeatedScalarFieldContainer[Feature]
    history: int
    resume: Resume
    def __init__(self, room_id: _Optional[str] = ..., name: _Optional[str] = ..., features: _Optional[_Iterable[_Union[Feature, str]]] = ..., history: _Optional[int] = ..., resume: _Optional[_Union[Resume, _Mapping]] = ...) -> None: ...

class Resume(_message.Message):
    __slots__ = ("session", "epoch", "after")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    session: str
    epoch: str
    after: int
    def __init__(self, session: _Optional[str] = ..., epoch: _Optional[str] = ..., after: _Optional[int] = ...) -> None: ...

class Leave(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Rename(_message.Message):
    __slots__ = ("name", "nonce")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    nonce: str
    def __init__(self, name: _Optional[str] = ..., nonce: _Optional[str] = ...) -> None: ...

class Message(_message.Message):
    __slots__ = ("name", "message", "sequence", "sent", "nonce", "action", "in_reply_to", "joined", "live", "entered", "left", "typing", "refused", "closed", "draining", "heartbeat", "renamed", "updated", "withdrawn", "expiring", "damaged", "changed")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    SENT_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    IN_REPLY_TO_FIELD_NUMBER: _ClassVar[int]
    JOINED_FIELD_NUMBER: _ClassVar[int]
    LIVE_FIELD_NUMBER: _ClassVar[int]
    ENTERED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    RENAMED_FIELD_NUMBER: _ClassVar[int]
    UPDATED_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    EXPIRING_FIELD_NUMBER: _ClassVar[int]
    DAMAGED_FIELD_NUMBER: _ClassVar[int]
    CHANGED_FIELD_NUMBER: _ClassVar[int]
    name: str
    message: str
    sequence: int
    sent: _timestamp_pb2.Timestamp
    nonce: str
    action: bool
    in_reply_to: int
    joined: Joined
    live: Live
    entered: Member
    left: Member
    typing: Typing
    refused: Refused
    closed: Closed
    draining: Draining
    heartbeat: Heartbeat
    renamed: Renamed
    updated: ChatRoom
    withdrawn: Withdrawn
    expiring: Expiring
    damaged: Damaged
    changed: Member
    def __init__(self, name: _Optional[str] = ..., message: _Optional[str] = ..., sequence: _Optional[int] = ..., sent: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., nonce: _Optional[str] = ..., action: _Optional[bool] = ..., in_reply_to: _Optional[int] = ..., joined: _Optional[_Union[Joined, _Mapping]] = ..., live: _Optional[_Union[Live, _Mapping]] = ..., entered: _Optional[_Union[Member, _Mapping]] = ..., left: _Optional[_Union[Member, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., refused: _Optional[_Union[Refused, _Mapping]] = ..., closed: _Optional[_Union[Closed, _Mapping]] = ..., draining: _Optional[_Union[Draining, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., renamed: _Optional[_Union[Renamed, _Mapping]] = ..., updated: _Optional[_Union[ChatRoom, _Mapping]] = ..., withdrawn: _Optional[_Union[Withdrawn, _Mapping]] = ..., expiring: _Optional[_Union[Expiring, _Mapping]] = ..., damaged: _Optional[_Union[Damaged, _Mapping]] = ..., changed: _Optional[_Union[Member, _Mapping]] = ...) -> None: ...

class Joined(_message.Message):
    __slots__ = ("session", "epoch", "sequence", "recovery", "members", "limits", "name", "room", "supported")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    RECOVERY_FIELD_NUMBER: _ClassVar[int]
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    ROOM_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_FIELD_NUMBER: _ClassVar[int]
    session: str
    epoch: str
    sequence: int
    recovery: Recovery
    members: _containers.RepeatedCompositeFieldContainer[Member]
    limits: Limits
    name: str
    room: ChatRoom
    supported: _containers.RepeatedScalarFieldContainer[Feature]
    def __init__(self, session: _Optional[str] = ..., epoch: _Optional[str] = ..., sequence: _Optional[int] = ..., recovery: _Optional[_Union[Recovery, str]] = ..., members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ..., name: _Optional[str] = ..., room: _Optional[_Union[ChatRoom, _Mapping]] = ..., supported: _Optional[_Iterable[_Union[Feature, str]]] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("text_bytes", "messages_per_second", "burst", "history_entries")
    TEXT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_PER_SECOND_FIELD_NUMBER: _ClassVar[int]
    BURST_FIELD_NUMBER: _ClassVar[int]
    HISTORY_ENTRIES_FIELD_NUMBER: _ClassVar[int]
    text_bytes: int
    messages_per_second: float
    burst: int
    history_entries: int
    def __init__(self, text_bytes: _Optional[int] = ..., messages_per_second: _Optional[float] = ..., burst: _Optional[int] = ..., history_entries: _Optional[int] = ...) -> None: ...

class Live(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Damaged(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Withdrawn(_message.Message):
    __slots__ = ("sequence", "reason")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    reason: str
    def __init__(self, sequence: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class Renamed(_message.Message):
    __slots__ = ("name", "nonce")
    NAME_FIELD_NUMBER: _ClassVar[int]
    NONCE_FIELD_NUMBER: _ClassVar[int]
    name: str
    nonce: str
    def __init__(self, name: _Optional[str] = ..., nonce: _Optional[str] = ...) -> None: ...

class Typing(_message.Message):
    __slots__ = ("active",)
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    active: bool
    def __init__(self, active: _Optional[bool] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Refused(_message.Message):
    __slots__ = ("nonce", "code", "reason", "retry_after")
    NONCE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    nonce: str
    code: int
    reason: str
    retry_after: _duration_pb2.Duration
    def __init__(self, nonce: _Optional[str] = ..., code: _Optional[int] = ..., reason: _Optional[str] = ..., retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Closed(_message.Message):
    __slots__ = ("reason", "successor")
    REASON_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    reason: str
    successor: str
    def __init__(self, reason: _Optional[str] = ..., successor: _Optional[str] = ...) -> None: ...

class Expiring(_message.Message):
    __slots__ = ("at",)
    AT_FIELD_NUMBER: _ClassVar[int]
    at: _timestamp_pb2.Timestamp
    def __init__(self, at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Draining(_message.Message):
    __slots__ = ("retry_after",)
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    retry_after: _duration_pb2.Duration
    def __init__(self, retry_after: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Member(_message.Message):
    __slots__ = ("name", "since", "reason", "muted", "moderator")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MUTED_FIELD_NUMBER: _ClassVar[int]
    MODERATOR_FIELD_NUMBER: _ClassVar[int]
    name: str
    since: _timestamp_pb2.Timestamp
    reason: LeaveReason
    muted: bool
    moderator: bool
    def __init__(self, name: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., reason: _Optional[_Union[LeaveReason, str]] = ..., muted: _Optional[bool] = ..., moderator: _Optional[bool] = ...) -> None: ...

class ChatRoom(_message.Message):
    __slots__ = ("room_id", "title", "private", "member_count", "capacity", "created", "sequence", "closed_to_newcomers", "active")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    MEMBER_COUNT_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    CREATED_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CLOSED_TO_NEWCOMERS_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    title: str
    private: bool
    member_count: int
    capacity: int
    created: _timestamp_pb2.Timestamp
    sequence: int
    closed_to_newcomers: bool
    active: _timestamp_pb2.Timestamp
    def __init__(self, room_id: _Optional[str] = ..., title: _Optional[str] = ..., private: _Optional[bool] = ..., member_count: _Optional[int] = ..., capacity: _Optional[int] = ..., created: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sequence: _Optional[int] = ..., closed_to_newcomers: _Optional[bool] = ..., active: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class CreateChatRoomRequest(_message.Message):
    __slots__ = ("private", "room_id", "title", "capacity", "history")
    PRIVATE_FIELD_NUMBER: _ClassVar[int]
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    private: bool
    room_id: str
    title: str
    capacity: int
    history: int
    def __init__(self, private: _Optional[bool] = ..., room_id: _Optional[str] = ..., title: _Optional[str] = ..., capacity: _Optional[int] = ..., history: _Optional[int] = ...) -> None: ...

class ListChatRoomsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListChatRoomsResponse(_message.Message):
    __slots__ = ("chat_rooms", "next_page_token")
    CHAT_ROOMS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    chat_rooms: _containers.RepeatedCompositeFieldContainer[ChatRoom]
    next_page_token: str
    def __init__(self, chat_rooms: _Optional[_Iterable[_Union[ChatRoom, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DeleteChatRoomRequest(_message.Message):
    __slots__ = ("room_id", "reason", "successor")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    SUCCESSOR_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    reason: str
    successor: str
    def __init__(self, room_id: _Optional[str] = ..., reason: _Optional[str] = ..., successor: _Optional[str] = ...) -> None: ...

class UpdateChatRoomRequest(_message.Message):
    __slots__ = ("room_id", "title", "capacity", "history", "closed_to_newcomers")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    TITLE_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    CLOSED_TO_NEWCOMERS_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    title: str
    capacity: int
    history: int
    closed_to_newcomers: bool
    def __init__(self, room_id: _Optional[str] = ..., title: _Optional[str] = ..., capacity: _Optional[int] = ..., history: _Optional[int] = ..., closed_to_newcomers: _Optional[bool] = ...) -> None: ...

class SendMessageRequest(_message.Message):
    __slots__ = ("session", "message", "typing", "heartbeat", "leave", "rename")
    SESSION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TYPING_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FIELD_NUMBER: _ClassVar[int]
    RENAME_FIELD_NUMBER: _ClassVar[int]
    session: str
    message: Message
    typing: Typing
    heartbeat: Heartbeat
    leave: Leave
    rename: Rename
    def __init__(self, session: _Optional[str] = ..., message: _Optional[_Union[Message, _Mapping]] = ..., typing: _Optional[_Union[Typing, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., leave: _Optional[_Union[Leave, _Mapping]] = ..., rename: _Optional[_Union[Rename, _Mapping]] = ...) -> None: ...

class ListMessagesRequest(_message.Message):
    __slots__ = ("room_id", "before", "after", "page_size")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    before: int
    after: int
    page_size: int
    def __init__(self, room_id: _Optional[str] = ..., before: _Optional[int] = ..., after: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class ListMessagesResponse(_message.Message):
    __slots__ = ("messages", "epoch", "more")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    epoch: str
    more: bool
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., epoch: _Optional[str] = ..., more: _Optional[bool] = ...) -> None: ...

class SearchMessagesRequest(_message.Message):
    __slots__ = ("room_id", "query", "before", "page_size")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    QUERY_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    query: str
    before: int
    page_size: int
    def __init__(self, room_id: _Optional[str] = ..., query: _Optional[str] = ..., before: _Optional[int] = ..., page_size: _Optional[int] = ...) -> None: ...

class SearchMessagesResponse(_message.Message):
    __slots__ = ("messages", "more")
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    messages: _containers.RepeatedCompositeFieldContainer[Message]
    more: bool
    def __init__(self, messages: _Optional[_Iterable[_Union[Message, _Mapping]]] = ..., more: _Optional[bool] = ...) -> None: ...

class ListMembersRequest(_message.Message):
    __slots__ = ("room_id", "page_size", "page_token")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    page_size: int
    page_token: str
    def __init__(self, room_id: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMembersResponse(_message.Message):
    __slots__ = ("members", "next_page_token")
    MEMBERS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    members: _containers.RepeatedCompositeFieldContainer[Member]
    next_page_token: str
    def __init__(self, members: _Optional[_Iterable[_Union[Member, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class RemoveMemberRequest(_message.Message):
    __slots__ = ("room_id", "name", "reason")
    ROOM_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    room_id: str
    name: str
    reason: str
    def __init__(self, room_id: _Optional[str] = ..., name: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

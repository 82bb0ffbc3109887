/** The types that the page's modules name in their JSDoc. They are nowhere loaded, only checked. */

// What goes over the wire: proto/rpc/chat.proto in JSON, which writes 64-bit numbers as strings.
type Member = { name: string; since?: string; reason?: string; muted?: boolean; moderator?: boolean };
type ChatRoom = {
  room_id: string;
  title?: string;
  private?: boolean;
  member_count?: number;
  active?: string;
  closed_to_newcomers?: boolean;
};
type Joined = {
  session: string;
  epoch: string;
  sequence?: string;
  members?: Member[];
  limits?: { text_bytes?: number };
  name: string;
  room?: ChatRoom;
  supported?: string[];
};
type Message = {
  name?: string;
  message?: string;
  sequence?: string;
  sent?: string;
  nonce?: string;
  action?: boolean;
  in_reply_to?: string;
  damaged?: object;
  joined?: Joined;
  live?: object;
  entered?: Member;
  left?: Member;
  typing?: { active?: boolean };
  closed?: { reason?: string; successor?: string };
  updated?: ChatRoom;
  /** Of a message: told of by "chat server", or in the place of that message. */
  withdrawn?: { sequence: string; reason?: string };
  changed?: Member;
  /** The new one, and the nonce of who has asked for it. */
  renamed?: { name: string; nonce?: string };
};
type Page = { messages?: Message[]; epoch?: string; more?: boolean };
type ConnectError = {
  code?: string;
  message?: string;
  details?: { type: string; value: string }[];
};

/** Where to go on after a reload, or on the next stream. */
type Resume = { session: string; epoch: string; after: number };
/** What a tab keeps over a reload. */
type Visit = { name: string; resume: Resume };
/** What is to be said; an `action` is what one does. Or (`rename`) the name to be taken. */
type Said = { text: string; action?: boolean; in_reply_to?: string; rename?: string };
/** What was said and is not stored yet. */
type Posted = Said & { nonce: string; retried: boolean; note: string };
/** One line of the wire drawer. `flag`: null for a call, which has no envelope. */
type Envelope = {
  at: number;
  out: boolean;
  what: string;
  size: number;
  flag: number | null;
  json: string;
};
/** What passes is told it, and which messages were withdrawn. */
type Wiretap = { take: Trace; forget: (sequence: string) => void };
type Trace = (out: boolean, what: string, flag: number | null, size: number, json: string) => void;
type State = {
  phase: "connecting" | "live" | "lost" | "polling" | "over";
  sentence: string;
  reason?: string;
  metadata?: Record<string, string>;
};
type Where = { room: string; token: string };
/** For whom, and what is done when the server says that one may not. */
type Ask = Where & { refused: () => void };

/**
 * `scarce`: the origin has six connections for all tabs. `again`: one was there under this name,
 * and a tab that was closed just now may still hold it for 15 s.
 */
type Attach = Where & { name: string; scarce: boolean; resume: Resume | null; again: boolean };
/** What a tab tells the hub, each as [kind, value]. */
type ToHub = {
  attach: Attach;
  say: Said & { nonce: string };
  /** Whether one types. */
  typing: boolean;
  /** Whether the drawer is open. */
  wire: boolean;
  hurry: null;
  leave: null;
  bye: null;
};
/** What the hub tells the tabs of a room, each as [kind, value]. */
type ToTab = {
  state: State;
  joined: Joined;
  room: ChatRoom | undefined;
  entries: Message[];
  /** There are entries up to this sequence. */
  newest: number;
  /** Sequences have started over. */
  anew: null;
  /** Null where it cannot be known who is there. */
  members: Member[] | null;
  typing: { name: string; active: boolean };
  /** Three ends of what was said: on its way, stored (by nonce), not to be stored (`note`: why). */
  posted: Posted;
  stored: string;
  refused: Posted;
  /** Null: what was shown is gone. */
  wire: Envelope[] | null;
};
type Tell = <K extends keyof ToTab>(kind: K, value: ToTab[K]) => void;
type TellHub = <K extends keyof ToHub>(kind: K, value: ToHub[K]) => void;
/** What is done about each kind. */
type Takes<T> = { [K in keyof T]: (value: T[K]) => unknown };

/** A row of the log: one or several entries. */
type Row = {
  element: HTMLElement;
  kind: "said" | "moves" | "notice";
  /** Sequences of its first and last entry. */
  first: number;
  last: number;
  count: number;
  /** Under which it may stand with others; "" for what stands alone. */
  name: string;
  /** In ms since 1970; 0 for what has no time. */
  at: number;
  /** Arrivals and departures. */
  moves: Message[];
};
/** A part of a text; `code` is with its backticks, so that all parts together are the text. */
type Piece = { kind: "text" | "link" | "code" | "mention"; text: string; href?: string };
type LastRoom = { id: string; name: string };
/** Elements of index.html that are not just HTMLElement. */
interface Elements {
  bell: HTMLButtonElement;
  create: HTMLFormElement;
  "create-dialog": HTMLDialogElement;
  link: HTMLInputElement;
  name: HTMLInputElement;
  send: HTMLButtonElement;
  search: HTMLInputElement;
  "search-dialog": HTMLDialogElement;
  "share-code": HTMLImageElement;
  "share-dialog": HTMLDialogElement;
  "share-link": HTMLInputElement;
  text: HTMLTextAreaElement;
  words: HTMLInputElement;
}
/** Of SharedWorkers; newer than TypeScript's own types. */
interface WorkerOptions {
  extendedLifetime?: boolean;
}
type Show = (page: Page) => void;
type Say = (said: Said) => void;
/** What was typed; what it says is told, and what was typed stays where it is. */
type Enter = (typed: string) => string;
/** A command with what stands behind it. */
type Typed = { word: "say" | "me" | "nick"; rest: string; trouble?: string };
/** To an entry of the log. */
type Lead = (sequence: number) => void;
type Type = (active: boolean) => void;
/** A piece of what was found, and what stands before and after it; null for none. */
type MakePiece = (found: string, before: string, after: string) => Piece | null;

/** Rows of the log: what entries look like. */

import { isolated, link, make, stamp } from "../dom.js";
import { colourOf } from "../names.js";
import { pieces } from "./pieces.js";
import { quoteOf } from "./quotes.js";

const TOGETHER = 5 * 60_000; // ms in which messages of one author stand under one name
const FOLDED = 100; // comings and goings in one row
const NAMED = 2; // names of each kind there
const TIME = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat([], { dateStyle: "full" });
const LIST = new Intl.ListFormat("en-GB");
const DID = ["came", "left", "lost the connection", "had to go"];

/** @param {Message} entry @param {string} me  one's own name @returns {Row} */
export function rowOf(entry, me) {
	const { name = "", message = "", sent = "", action = false, in_reply_to, entered, left, renamed, withdrawn } = entry;
	const sequence = Number(entry.sequence);
	const at = Date.parse(sent);
	if (entered || left) return fold({ ...noticeRow("", sequence), kind: "moves", count: 1, at, moves: [entry] });
	if (renamed) return { ...noticeRow([isolated(name), " is now known as ", isolated(renamed.name)], sequence), count: 1, at };
	if (name === "chat server") return { ...noticeRow(message, sequence), count: 1, at };
	const element = said(name, { text: message, action, in_reply_to }, at, me);
	element.dataset.sequence = entry.sequence;
	if (withdrawn) blank(element);
	return { ...noticeRow("", sequence), element, kind: "said", count: 1, name: action || in_reply_to ? "" : name, at };
}

/** A text was withdrawn. @param {HTMLElement} row */
export function blank(row) {
	row.querySelector(".text")?.replaceChildren("(withdrawn)");
	row.classList.add("withdrawn");
	row.classList.remove("mentioned");
}

/** Said by nobody. @param {string | (Node | string)[]} text @param {number} after @returns {Row} */
export function noticeRow(text, after) {
	const element = make("div", "row notice", make("p", "", ...[text].flat()));
	return { element, kind: "notice", first: after, last: after, count: 0, name: "", at: 0, moves: [] };
}

/** @param {string} name @param {Said} what @param {number} at  0: not stored @param {string} me */
export function said(name, { text, action, in_reply_to }, at, me) {
	const parts = pieces(text, name === me ? "" : me);
	const who = make("span", "who", isolated(name));
	const body = make(action ? "span" : "div", "text", ...parts.map(elementOf));
	body.dir = "auto";
	const tile = make("span", "tile", action ? "*" : (Array.from(name)[0] ?? "").toUpperCase());
	tile.ariaHidden = "true";
	const message = make("div", "message", tile, ...(action ? [make("div", "did", who, " ", body)] : [who, body]));
	if (in_reply_to) message.insertBefore(quoteOf(in_reply_to), message.lastChild);
	if (at) message.append(stamp(at, TIME));
	const mentioned = parts.some(({ kind }) => kind === "mention");
	const kinds = `${mentioned ? " mentioned" : ""}${action ? " action" : ""}`;
	return make("div", `row said c${colourOf(name)}${kinds}`, message);
}

/** @param {Piece} piece */
function elementOf({ kind, text, href = "" }) {
	if (kind === "code") return make("code", "", text.slice(1, -1));
	if (kind === "mention") return make("mark", "", text);
	if (kind === "text") return text;
	const anchor = link(href, "", text);
	anchor.rel = "noopener noreferrer";
	anchor.target = "_blank";
	anchor.title = anchor.host;
	return anchor;
}

/** Take a row into the one above, if both are moves. @param {Row | undefined} row @param {Row} next */
export function merge(row, next) {
	if (row?.kind !== "moves" || next.kind !== "moves" || !sameDay(row, next)) return false;
	if (row.count + next.count > FOLDED) return false;
	row.moves.push(...next.moves);
	row.last = next.last;
	row.count += next.count;
	fold(row);
	return true;
}

/** "Bob, Alice and 3 others came". @param {Row} row */
function fold(row) {
	const names = /** @type {Set<string>[]} */ (DID.map(() => new Set()));
	for (const { name = "", entered, left } of row.moves) {
		const reason = left?.reason ?? "";
		const did = entered ? 0 : reason.endsWith("_LOST") ? 2 : reason.endsWith("_REMOVED") ? 3 : 1;
		names[did]?.add(name);
	}
	const line = make("p");
	names.forEach((set, did) => {
		if (!set.size) return;
		if (line.hasChildNodes()) line.append(" · ");
		const shown = [...set].slice(0, set.size === NAMED + 1 ? set.size : NAMED);
		const rest = set.size - shown.length;
		if (rest) shown.push(`${rest} others`);
		for (const { type, value } of LIST.formatToParts(shown)) line.append(type === "element" ? isolated(value) : value);
		line.append(` ${DID[did]}`);
	});
	row.element.lastElementChild?.replaceWith(line); // below the day
	return row;
}

/** @param {Row} row @param {Row} other */
const sameDay = (row, other) => new Date(row.at).toDateString() === new Date(other.at).toDateString();

/** What depends on the row above. @param {Row} row @param {Row} [above] */
export function dress(row, above) {
	if (!row.at) return;
	const newDay = !above?.at || !sameDay(row, above);
	const day = row.element.querySelector(".line");
	if (!newDay) day?.remove();
	else if (!day) row.element.prepend(make("div", "line", make("span", "", DAY.format(row.at))));
	const follows = !newDay && row.name !== "" && row.name === above.name && row.at - above.at < TOGETHER;
	row.element.classList.toggle("follows", follows);
}

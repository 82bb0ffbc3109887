/** Search: a dialog with what was found in this room, the newest first. */

import { button, byId, isolated, make, stamp } from "../dom.js";
import { colourOf } from "../names.js";
import { call } from "../wire/call.js";
import { asError } from "../wire/errors.js";
import { isGone } from "./quotes.js";

const BEFORE = 40; // characters of a text before the first word that was found
const WHEN = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "short" });
const CUT = new Intl.Segmenter([], { granularity: "word" }); // nearly as the server does
const AUTHOR = /from:("[^"]*"?|\S*)/gi;

const dialog = byId("search-dialog");
const field = byId("words");
const list = byId("found");
const more = byId("found-more");
const note = byId("found-note");
let latest = {};

/** @param {Where} where @param {Lead} lead */
export function openSearch({ room, token }, lead) {
	/** @param {string} query @param {string} [before] */
	async function look(query, before) {
		const mine = (latest = {});
		if (!before) list.replaceChildren();
		more.hidden = true;
		note.textContent = "Searching…";
		try {
			/** @type {Page} */
			const { messages = [], more: further } = await call("SearchMessages", { room_id: room, query, before }, token);
			if (mine !== latest) return;
			const sought = new Set(words(query.replace(AUTHOR, " ")).map(({ segment }) => folded(segment)));
			list.append(...messages.map((entry) => lineOf(entry, sought, lead)));
			more.hidden = !further;
			const last = messages.at(-1)?.sequence;
			more.onclick = () => look(query, last);
			const count = list.childElementCount;
			note.textContent = count ? `${further ? "The newest " : ""}${count} found` : "Nothing was found.";
		} catch (failure) {
			if (mine === latest) note.textContent = asError(failure).message;
		}
	}

	byId("find").onsubmit = (event) => {
		event.preventDefault();
		void look(field.value);
	};
	dialog.showModal();
	field.select();
}

/** @param {Message} entry @param {Set<string>} sought @param {Lead} lead */
function lineOf({ sequence = "", name = "", message = "", sent = "" }, sought, lead) {
	const text = make("span", "found-text", ...(isGone(sequence) ? ["(withdrawn)"] : marked(message, sought)));
	text.dir = "auto";
	text.dataset.to = sequence;
	const line = button("", () => (dialog.close(), lead(Number(sequence))), "room-line");
	line.append(make("span", "bar", isolated(name), stamp(Date.parse(sent), WHEN)), text);
	return make("li", `c${colourOf(name)}`, line);
}

/** From before the first of these words on, with all of them marked. @param {string} text @param {Set<string>} sought */
function marked(text, sought) {
	const hits = words(text).filter(({ segment }) => sought.has(folded(segment)));
	let at = text.lastIndexOf(" ", (hits[0]?.index ?? 0) - BEFORE) + 1;
	const parts = /** @type {(Node | string)[]} */ (at ? ["…"] : []);
	for (const { segment, index } of hits) {
		parts.push(text.slice(at, index), make("mark", "", segment));
		at = index + segment.length;
	}
	return [...parts, text.slice(at)];
}

const words = (/** @type {string} */ text) => [...CUT.segment(text)].filter(({ isWordLike }) => isWordLike);

/** Without case and accents. @param {string} word */
const folded = (word) => word.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** What one has said and the room has not stored yet: dim, below the log. */

import { button, byId, make } from "../dom.js";
import { said } from "./rows.js";

const list = byId("pending");
/** @type {Map<string, HTMLElement>} by nonce */
const rows = new Map();

/** @param {Posted} posted @param {string} name */
export function showPending(posted, name) {
	const { nonce, note } = posted;
	const row = rows.get(nonce) ?? said(name, posted, 0, name);
	row.classList.add("pending");
	row.querySelector(".note")?.remove();
	row.append(make("p", "note", note));
	if (!rows.has(nonce)) list.append(row);
	rows.set(nonce, row);
	return row;
}

/** Its entry comes, or has come. @param {string} nonce */
export function removePending(nonce) {
	rows.get(nonce)?.remove();
	rows.delete(nonce);
}

/** It will not be stored. @param {Posted} posted @param {string} name @param {Say} again */
export function refusePending(posted, name, again) {
	const row = showPending({ ...posted, note: `not sent: ${posted.note}` }, name);
	row.classList.replace("pending", "refused");
	const act = (/** @type {string} */ label, /** @type {() => void} */ then) =>
		button(label, () => (removePending(posted.nonce), then()), "tool");
	row.lastElementChild?.append(" ", act("Try again", () => again(posted)), " ", act("Discard", () => {}));
}

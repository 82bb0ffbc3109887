/** Who is in the room: a list beside the log. */

import { call } from "../wire/call.js";
import { byId, isolated, make } from "../dom.js";
import { colourOf } from "../names.js";

const ASKED = 100; // of a room too big for the stream to tell
const panel = byId("members");
const toggle = byId("members-toggle");

toggle.onclick = () => {
	panel.hidden = !panel.hidden;
	toggle.ariaExpanded = String(!panel.hidden);
};
if (matchMedia("(min-width: 60rem)").matches) toggle.click();

/** @param {Member[] | null} known @param {number} total @param {string} me @param {Where} where */
export async function showMembers(known, total, me, { room, token }) {
	byId("members-count").textContent = String(known?.length ?? total);
	const ask = () => call("ListMembers", { room_id: room, page_size: ASKED }, token).catch(() => ({}));
	/** @type {Member[]} */
	const members = known ?? (await ask()).members ?? [];
	const lines = members.map(({ name, muted, moderator }) => {
		const line = make("li", `c${colourOf(name)}`, isolated(name), name === me ? " (you)" : "");
		if (muted || moderator) line.append(make("span", "faint", `${moderator ? " moderator" : ""}${muted ? " muted" : ""}`));
		return line;
	});
	byId("members-list").replaceChildren(...lines);
}

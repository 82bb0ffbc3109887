/** Who is in the room: a list beside the log. */

import { call } from "../wire/call.js";
import { button, byId, isolated, make } from "../dom.js";
import { colourOf } from "../names.js";

const ASKED = 100; // of a room too big for the stream to tell
const panel = byId("members");
const list = byId("members-list");
const toggle = byId("members-toggle");
/** @type {((member: Member) => void) | null} */
let menu = null;
let another = () => {};
let draw = () => {};

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
	draw = () => {
		const held = list.contains(document.activeElement) && document.activeElement?.ariaLabel;
		list.replaceChildren(...members.map((member) => lineOf(member, me)));
		if (held) [...list.querySelectorAll("button")].find(({ ariaLabel }) => ariaLabel === held)?.focus();
	};
	draw();
}

/** A button at one's own name. @param {() => void} asks  for another */
export const offerAnother = (asks) => (another = asks);

/** Each gets a button that opens a menu; null: none. @param {((member: Member) => void) | null} opens */
export function offerMenus(opens) {
	menu = opens;
	draw();
}

/** @param {Member} member @param {string} me */
function lineOf(member, me) {
	const { name, muted, moderator } = member;
	const line = make("li", `c${colourOf(name)}`, isolated(name), name === me ? " (you) " : " ");
	if (name === me) line.prepend(button("Rename", () => another(), "tool"));
	line.append(make("span", "faint", [moderator && "moderator", muted && "muted"].filter(Boolean).join(", ")));
	if (menu && name !== me) {
		const opener = button("⋯", () => menu?.(member), "tool");
		opener.ariaLabel = `Menu of ${name}`;
		line.prepend(opener);
	}
	return line;
}

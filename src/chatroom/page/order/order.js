/** Menus for who keeps the room in order, until the server says that one may not. */

import { button, byId } from "../dom.js";
import { offerMenus } from "../room/members.js";
import { ofTab } from "../store.js";

const SAID = ".said:not(.withdrawn)";
const DESCRIBED = "described";
const log = byId("log");
const orders = byId("orders");
// One for all messages: where the pointer or the arrow keys have led it.
const handle = button("⋯", () => {}, "tool handle");
handle.ariaLabel = "Menu of this message";
handle.ariaLive = "off"; // unlike the log
handle.setAttribute("aria-describedby", DESCRIBED);

/**
 * @param {Where} where @param {() => ChatRoom | undefined} about  the room, as it is now
 * @param {boolean} [chosen]  made a moderator
 */
export function offerOrder(where, about, chosen) {
	const key = `guest ${where.room}`;
	if (!orders.hidden || (ofTab.get(key)?.token === where.token && !chosen)) return;
	const ask = { ...where, refused };
	const asking = () => import("./asking.js");
	/** @param {boolean} on */
	function offer(on) {
		log.classList.toggle("orderly", on);
		orders.hidden = !on;
		offerMenus(on ? async (member) => (await asking()).aboutMember(ask, member) : null);
	}

	function refused() {
		ofTab.set(key, where);
		handle.remove();
		log.onpointerover = log.onfocus = null;
		offer(false);
	}

	log.onpointerover = ({ target }) => place(/** @type {Element} */ (target).closest(SAID));
	log.onfocus = () => {
		const end = byId("scroller").getBoundingClientRect().bottom;
		place([...log.querySelectorAll(SAID)].findLast((row) => row.getBoundingClientRect().top < end));
	};
	handle.onclick = async () => (await asking()).aboutMessage(ask, handle.parentElement?.dataset.sequence);
	log.onkeydown = (event) => {
		const { key, target } = event;
		const step = { ArrowUp: -1, ArrowDown: 1 }[key];
		if (target === log ? key !== "Enter" : target !== handle || !step) return;
		event.preventDefault();
		const rows = [...log.querySelectorAll(SAID)];
		if (step) place(rows[rows.findIndex((row) => row.contains(handle)) + step]);
		handle.focus();
	};
	orders.onclick = async () => (await asking()).aboutRoom(ask, about());
	offer(true);
}

/** @param {Element | null} [row] */
function place(row) {
	if (!row || row === handle.parentElement) return;
	document.getElementById(DESCRIBED)?.removeAttribute("id");
	row.append(handle);
	const text = row.querySelector(".text");
	if (text) text.id = DESCRIBED;
}

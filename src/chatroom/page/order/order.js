/** Menus for who keeps the room in order, until the server says that one may not. */

import { byId } from "../dom.js";
import { offerAt } from "../room/handle.js";
import { offerMenus } from "../room/members.js";
import { ofTab } from "../store.js";

const orders = byId("orders");

/**
 * @param {Where} where @param {() => ChatRoom | undefined} about  the room, as it is now
 * @param {boolean} [chosen]  made a moderator
 */
export function offerOrder(where, about, chosen) {
	const key = `guest ${where.room}`;
	if (!orders.hidden || (ofTab.get(key)?.token === where.token && !chosen)) return;
	const ask = { ...where, refused };
	const asking = () => import("./asking.js");
	const withdraw = async (/** @type {HTMLElement} */ row) => (await asking()).aboutMessage(ask, row.dataset.sequence);
	const menu = offerAt("⋯", "Menu of this message", withdraw);
	/** @param {boolean} on */
	function offer(on) {
		orders.hidden = !on;
		offerMenus(on ? async (member) => (await asking()).aboutMember(ask, member) : null);
	}

	function refused() {
		ofTab.set(key, where);
		menu.remove();
		offer(false);
	}

	orders.onclick = async () => (await asking()).aboutRoom(ask, about());
	offer(true);
}

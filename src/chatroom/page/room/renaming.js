/** Another name of one's own, asked for in a dialog. */

import { byId } from "../dom.js";

const field = byId("another");

/** @param {string} me @param {(name: string) => void} take */
export function askAnother(me, take) {
	field.value = me;
	byId("rename").onsubmit = () => take(field.value.trim());
	byId("rename-dialog").showModal();
	field.select();
}

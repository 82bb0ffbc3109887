/** The link of a room: to copy, to hand on, as a code. */

import { byId } from "../dom.js";
import { pathTo } from "../rooms.js";

/** The link never carries a token. @param {string} room */
export function share(room) {
	const code = byId("share-code");
	const copy = byId("share-copy");
	const hand = byId("share-hand");
	const url = (byId("share-link").value = location.origin + pathTo(room));
	copy.textContent = "Copy link";
	copy.hidden = !navigator.clipboard; // withheld from pages that are not secure
	copy.onclick = async () => {
		await navigator.clipboard.writeText(url);
		copy.textContent = "Copied";
	};
	hand.hidden = !navigator.share;
	hand.onclick = () => navigator.share({ url }).catch(() => {}); // not after all
	code.onerror = () => (code.hidden = true);
	code.hidden = false;
	code.src = `/qr?${new URLSearchParams({ room, origin: location.origin })}`;
	byId("share-dialog").showModal();
}

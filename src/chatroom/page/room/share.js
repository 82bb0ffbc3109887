/** The link of a room: to copy, to hand on, as a code. */

import { byId } from "../dom.js";
import { pathTo } from "../rooms.js";

/** The link never carries one's own token. @param {string} room @param {string} [secret]  an invitation's */
export async function share(room, secret = "") {
	const code = byId("share-code");
	const copy = byId("share-copy");
	const hand = byId("share-hand");
	const url = (byId("share-link").value = location.origin + pathTo(room) + (secret && `#token=${secret}`));
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
	const drawing = `/qr?${new URLSearchParams({ room, origin: location.origin })}`;
	byId("share-dialog").showModal();
	// Addresses are logged, bodies are not.
	const drawn = secret && (await fetch(drawing, { method: "POST", body: secret }));
	code.src = drawn ? `data:image/svg+xml,${encodeURIComponent(await drawn.text())}` : drawing;
}

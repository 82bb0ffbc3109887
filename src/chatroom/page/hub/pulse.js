/** Whether the connection still carries anything. */

import { call } from "../wire/call.js";

// In ms. The server is silent for 25 s at most, and ends a stream that is for 60 s.
const TICK = 5_000;
const HEARTBEAT = 20_000;
const SILENCE = 45_000;

/** @param {string} token @param {(why: string) => void} lost */
export function makePulse(token, lost) {
	let heard = 0;
	let sent = 0;
	let ticked = Date.now();
	let session = "";
	let probing = false;

	async function probe() {
		const asked = session;
		if (!asked || probing) return;
		probing = true;
		sent = Date.now();
		await call("SendMessage", { session, heartbeat: {} }, token, TICK).catch(() => {
			if (session === asked) lost("the server does not answer");
		});
		probing = false;
	}

	const timer = setInterval(() => {
		const now = Date.now();
		const slept = now - ticked > 4 * TICK;
		ticked = now;
		if (slept || now - sent > HEARTBEAT) void probe();
		else if (session && now - heard > SILENCE) lost("the server fell silent");
	}, TICK);

	return {
		probe,
		heard: () => (heard = Date.now()),
		stop: () => clearInterval(timer),
		/** A stream begins, or none is there (""). @param {string} now */
		attend(now) {
			session = now;
			heard = sent = Date.now();
		},
	};
}

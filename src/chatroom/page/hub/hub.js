/** A SharedWorker, whose timers no browser slows down: tabs of a room, name and token share a membership. */

import { makeMembership } from "./membership.js";
import { makeWiretap } from "./wiretap.js";

const LIVE = 4; // of the six connections over HTTP/1.1; two are left for calls
const LINGER = 5_000; // ms that a room is kept without a tab: a reload is no departure

/** A membership and who shows it. @param {Attach} asked @param {() => void} ended */
function makeSeat(asked, ended) {
	/** @type {Set<MessagePort>} */
	const ports = new Set();
	const wiretap = makeWiretap();
	/** @type {Tell} */
	const tell = (...told) => ports.forEach((port) => port.postMessage(told));
	const membership = makeMembership(asked, tell, wiretap, ended);
	return { ports, wiretap, membership, scarce: asked.scarce, waiting: true, lingering: 0 };
}

/** @type {Set<ReturnType<typeof makeSeat>>} */
const seats = new Set();
const live = () => [...seats].filter(({ scarce, waiting }) => scarce && !waiting);

/** @param {MessagePort} port */
export function connect(port) {
	/** @type {ReturnType<typeof makeSeat> | undefined} */
	let seat;
	const part = () => {
		const left = seat;
		seat = undefined;
		left?.wiretap.want(port, false);
		if (left?.ports.delete(port) && !left.ports.size) {
			left.lingering = setTimeout(left.membership.leave, LINGER);
		}
	};
	/** @type {Takes<ToHub>} */
	const takes = {
		attach(asked) {
			part();
			seat = attach(asked, port);
		},
		bye: part,
		say: (said) => seat?.membership.say(said),
		typing: (active) => seat?.membership.type(active),
		wire: (wanted) => seat?.wiretap.want(port, wanted),
		hurry: () => seat?.membership.hurry(),
		leave: () => seat?.membership.leave(),
	};
	port.onmessage = ({ data }) => {
		const [kind, value] = /** @type {[keyof ToHub, never]} */ (data);
		takes[kind](value);
	};
	port.addEventListener("close", part); // a crashed tab, where the browser tells of it
}

/** @param {Attach} asked @param {MessagePort} port */
function attach(asked, port) {
	const found = [...seats].find(({ membership }) => membership.isFor(asked));
	const seat = found ?? makeSeat(asked, () => {
		seats.delete(seat);
		admit();
	});
	seats.add(seat);
	clearTimeout(seat.lingering);
	seat.ports.add(port);
	if (found) seat.membership.catchUp((...told) => port.postMessage(told));
	else {
		admit();
		if (seat.waiting) void seat.membership.poll(live().map((each) => each.membership.room).join(", "));
	}
	return seat;
}

/** Let those in, as they came, for whom there is a connection. */
function admit() {
	for (const seat of seats) {
		if (!seat.waiting || (seat.scarce && live().length >= LIVE)) continue;
		seat.waiting = false;
		void seat.membership.run();
		seat.membership.hurry(); // it may be polling
	}
}

addEventListener("connect", (event) => {
	const [port] = /** @type {MessageEvent} */ (event).ports;
	if (port) connect(port);
});

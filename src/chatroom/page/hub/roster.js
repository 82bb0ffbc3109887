/** Who is in the room, as of the newest entry that came. */

const KNOWN = 500; // from so many members on arrivals are not logged

export class Roster {
	/** @type {Map<string, Member>} */
	#members = new Map();
	#listedAt = 0;

	/** In order of arrival; null where that cannot be known. */
	get members() {
		const { size } = this.#members;
		return size && size < KNOWN ? [...this.#members.values()] : null;
	}

	/** @param {Joined} joined */
	admit({ members = [], sequence }) {
		this.#members = new Map(members.map((member) => [member.name, member]));
		this.#listedAt = Number(sequence ?? 0);
	}

	/** Whether an entry changes anything. @param {Message} entry */
	take({ name = "", sequence, entered, left, changed, renamed }) {
		if (!this.#members.size || Number(sequence) <= this.#listedAt) return false;
		if (changed && this.#members.has(changed.name)) this.#members.set(changed.name, changed);
		const now = entered ?? (renamed && { ...this.#members.get(name), name: renamed.name });
		if (now || left) this.#members.delete(name);
		if (now) this.#members.set(now.name, now);
		return !!(entered || left || changed || renamed);
	}
}

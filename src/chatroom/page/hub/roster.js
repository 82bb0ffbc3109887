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
		this.#list(members);
		this.#listedAt = Number(sequence ?? 0);
	}

	/** Whether an entry changes anything. @param {Message} entry */
	take({ name = "", sequence, entered, left, changed, renamed }) {
		if (!this.#members.size || Number(sequence) <= this.#listedAt) return false;
		if (changed && this.#members.has(changed.name)) this.#members.set(changed.name, changed);
		if (renamed) this.#list([...this.#members.values()].map((each) => (each.name === name ? { ...each, name: renamed.name } : each)));
		if (entered || left) this.#members.delete(name);
		if (entered) this.#members.set(name, entered);
		return !!(entered || left || changed || renamed);
	}

	/** @param {Member[]} members */
	#list(members) {
		this.#members = new Map(members.map((member) => [member.name, member]));
	}
}

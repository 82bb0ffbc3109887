/** The address says whether this is the lobby or a room. */

import { openLobby } from "./lobby.js";
import { openRoom } from "./room/room.js";
import { roomHere } from "./rooms.js";
import { takeToken } from "./store.js";

const room = roomHere();
const token = takeToken(room);
if (room) void openRoom(room, token);
else openLobby(token);
// Where a phone's keyboard covers the page instead of making it smaller.
visualViewport?.addEventListener("resize", () => {
	document.documentElement.style.setProperty("--height", `${visualViewport?.height}px`);
});

// The page's first module: the path says which room, if any.
document.body.append("Chatroom");

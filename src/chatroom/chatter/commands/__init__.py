"""The commands of `chatter`: what they take. What they do is imported when it is done."""

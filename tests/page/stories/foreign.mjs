// A page of another origin tries what a page can: it reads nothing, makes nothing, says nothing.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { base, browser, call, done, person, say } from "../people.mjs";

const TITLE = "made by a stranger";
const WORDS = "said by a stranger";
const elsewhere = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>Elsewhere</title><body>");
});
await new Promise((listens) => elsewhere.listen(0, "127.0.0.1", listens));

// Somebody talks in a room, and the stranger has even come by their session.
const ann = await person("Ann", "lobby");
const asked = ann.waitForRequest((request) => request.url().endsWith("/SendMessage"), { timeout: 5_000 }).catch(() => null);
await say(ann, "a secret");
await asked;
const document_ = await (await fetch(`${base}/r/lobby`)).text();
const script = /src="([^"]*main\.js)"/.exec(document_)[1];
const style = /href="([^"]*style\.css)"/.exec(document_)[1];
await done();

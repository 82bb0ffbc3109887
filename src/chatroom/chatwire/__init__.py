"""The tap: what passes between a client and a server, seen frame by frame.

Bytes take one way and their copies another:

    client ⇄ `tap.Tap` ⇄ server
                │ passages (`passage`), never waiting for whoever looks
                ▼
    `watcher.Watcher` ─ pipe ─► `watch` in a process of its own:
                                `decode.Decoder` ─ frames ─► `show.printer.Printer`

A program that wants to look at frames itself, such as a test, uses `recorded.RecordedTap`,
which does all of this in its own process. What is in a frame: `decode.records`.
"""

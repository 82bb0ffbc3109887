#!/usr/bin/env bash
# A client of curl and jq: joins a room, says each line of its standard input, prints what is said.
#   chat.sh http://127.0.0.1:8080 lobby Bob
# It speaks Connect: a call is a POST with JSON; in a stream each message has five bytes before it,
# one of flags and four of its length.
set -euo pipefail
url="$1/rpc.ChatService" room="$2" name="$3"

envelope() { # of a message shorter than 64 KiB
  local size && size=$(printf %s "$1" | wc -c)
  printf "\\0\\0\\0\\x$(printf %x $((size / 256)))\\x$(printf %x $((size % 256)))%s" "$1"
}

send() { # in the session that the server has given; a refusal is told
  jq -cn --arg session "$session" "{session: \$session} + $1" "${@:2}" |
    curl -sS -H 'content-type: application/json' -d @- "$url/SendMessage" |
    jq -r 'select(.code) | "\(.code): \(.message)"' >&2
}

join=$(jq -cn --arg room "$room" --arg name "$name" \
  '{room_id: $room, name: $name, features: ["FEATURE_EVENTS", "FEATURE_ECHO"]}')
exec {stream}< <(envelope "$join" |
  curl -sSN -H 'content-type: application/connect+json' --data-binary @- "$url/Subscribe")

while read -ra head < <(head -c 5 <&"$stream" | od -An -v -tu1) && ((${#head[@]} == 5)); do
  message=$(head -c $((head[1] << 24 | head[2] << 16 | head[3] << 8 | head[4])) <&"$stream")
  if ((head[0] & 2)); then # the last one, with the status
    jq -r '.error // empty | "\(.code): \(.message)"' <<<"$message" >&2
    exit "$(jq '.error | length | if . > 0 then 1 else 0 end' <<<"$message")"
  fi
  jq -r 'select(.message) | "\(.name): \(.message)"' <<<"$message"
  if session=$(jq -er .joined.session <<<"$message"); then
    {
      while IFS= read -r line; do
        nonce=$(od -An -N12 -tx1 /dev/urandom | tr -d ' ') # see "Retrying"
        send '{message: {message: $text, nonce: $nonce}}' --arg text "$line" --arg nonce "$nonce"
      done
      send '{leave: {}}'
    } <&0 &
  fi
done
echo "the connection was lost" >&2
exit 1

# shellcheck shell=bash
# For readers and publish: a directory and a Redis for the time of a run, and what they compile.

directory=$(mktemp -d)
port=""
redis=""

stop() {
  if [[ -n $redis ]]; then
    kill "$redis" 2>/dev/null || true
    wait "$redis" 2>/dev/null || true
  fi
  rm -rf "$directory"
}
trap stop EXIT
trap 'exit 130' INT TERM HUP

start_redis() {
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  taskset -c 0 redis-server --bind 127.0.0.1 --port "$port" --dir "$directory" --save "" --appendonly no \
    >"$directory/redis.log" 2>&1 &
  redis=$!
  for _ in {1..100}; do
    redis-cli -p "$port" ping >/dev/null 2>&1 && return
    sleep 0.05
  done
  printf 'Redis did not start:\n' >&2
  cat "$directory/redis.log" >&2
  return 1
}

compile() {
  cc -std=gnu17 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -o "$directory/$1" "$1.c" -lhiredis -lm
}

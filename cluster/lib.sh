# shellcheck shell=bash
# What cluster/up, cluster/down and cluster/status share: who the members are, how each is started, and
# how a process is recognised again. Sourced, not run.
#
# shellcheck disable=SC2034 # what is set here is used there

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
readonly ROOT
readonly RUN=$ROOT/cluster/run
readonly SETTINGS=$RUN/settings

# In starting order: nobody is started before what it connects to.
readonly REDIS=(redis-a redis-b)
readonly PRESENCE=(presence-1 presence-2)
readonly GATEWAYS=(gateway-1 gateway-2 gateway-3)
readonly PROXY=(haproxy)
readonly MEMBERS=("${REDIS[@]}" "${PRESENCE[@]}" "${GATEWAYS[@]}" "${PROXY[@]}")

# Debian keeps haproxy in sbin, which is not on an ordinary user's PATH.
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

fail() {
  printf 'cluster: %s\n' "$*" >&2
  exit 1
}

# check_names NAME...: fails unless all of them are members.
check_names() {
  local name
  for name in "$@"; do
    [[ " ${MEMBERS[*]} " == *" $name "* ]] || fail "no member is called '$name'; allowed: ${MEMBERS[*]}"
  done
}

# One of cluster/up and cluster/down at a time. Whatever is started must close descriptor 9.
lock() {
  mkdir -p "$RUN"
  exec 9>"$RUN/lock"
  flock -n 9 || fail "another cluster/up or cluster/down is at work"
}

# MARK: settings
#
# cluster/up takes them from the environment once and writes them down, so that a member which is started
# again, from whatever shell, gets the same ports and secrets.

# port_setting NAME DEFAULT: prints the base of some ports, from the environment.
port_setting() {
  local value=${!1:-$2}
  if [[ ! $value =~ ^[1-9][0-9]{3,4}$ ]] || ((value < 1024 || value > 65000)); then
    fail "$1=$value: allowed is 1024 to 65000"
  fi
  printf '%s' "$value"
}

settings_of_environment() {
  port_base=$(port_setting MARTLET_PORT_BASE 8000)
  redis_port_base=$(port_setting MARTLET_REDIS_PORT_BASE 6400)
  programs=${MARTLET_BIN:-$ROOT/.build/release}
  [[ -d $programs ]] || fail "$programs is not a directory: run 'make build', or set MARTLET_BIN"
  programs=$(cd "$programs" && pwd)
  configuration=$(realpath -- "${MARTLET_CONFIG:-$ROOT/cluster/cluster.yaml}")
  [[ -f $configuration ]] || fail "MARTLET_CONFIG=$configuration: no such file"
  api_key=${MARTLET_API_KEY:-}
  token_secret=${MARTLET_TOKEN_SECRET:-}
}

write_settings() {
  local name
  # It may hold secrets.
  (
    umask 077
    for name in port_base redis_port_base programs configuration api_key token_secret; do
      printf '%s=%q\n' "$name" "${!name}"
    done >"$SETTINGS"
  )
}

# read_settings: fails if there is no cluster.
read_settings() {
  [[ -f $SETTINGS ]] || return 1
  # shellcheck source=/dev/null
  source "$SETTINGS"
}

# MARK: members

# port_of NAME, admin_of NAME: print a port, or nothing if the member has no such port.
port_of() {
  case $1 in
    redis-a) echo $((redis_port_base + 1)) ;;
    redis-b) echo $((redis_port_base + 2)) ;;
    gateway-*) echo $((port_base + 100 + ${1#gateway-})) ;;
    haproxy) echo "$port_base" ;;
  esac
}

admin_of() {
  case $1 in
    gateway-*) echo $((port_base + 200 + ${1#gateway-})) ;;
    presence-*) echo $((port_base + 210 + ${1#presence-})) ;;
    haproxy) echo $((port_base + 200)) ;;
  esac
}

# command_of NAME: sets the array `command`, which is its caller's.
command_of() {
  local port admin
  port=$(port_of "$1")
  admin=$(admin_of "$1")
  case $1 in
    redis-*)
      # Nothing on disk: what a cluster leaves behind must not reach the next one.
      command=(
        redis-server --bind 127.0.0.1 --port "$port" --dir "$RUN/$1"
        --save "" --appendonly no
      )
      ;;
    presence-*)
      command=("$programs/martlet-presence" --config "$configuration" --admin "127.0.0.1:$admin")
      ;;
    gateway-*)
      command=(
        "$programs/martlet-gateway" --config "$configuration"
        --listen "127.0.0.1:$port" --admin "127.0.0.1:$admin"
      )
      ;;
    haproxy) command=(haproxy -db -f "$RUN/haproxy.cfg") ;;
  esac
}

is_ready() {
  case $1 in
    redis-*) [[ $(redis-cli -h 127.0.0.1 -p "$(port_of "$1")" ping 2>/dev/null) == PONG ]] ;;
    *) curl --noproxy '*' -fs -o /dev/null --max-time 2 "http://127.0.0.1:$(admin_of "$1")/readyz" ;;
  esac
}

# MARK: processes

# identity_of PID: prints what no other process, before or after, has in common with this one: its start
# time and the machine's boot. Fails if there is no such process, or only its zombie.
identity_of() {
  local stat fields
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  # The program's name stands in parentheses and may contain anything; fields are counted after it.
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != [ZX] ]] || return 1
  printf '%s@%s' "${fields[19]}" "$(</proc/sys/kernel/random/boot_id)"
}

# recorded_pid NAME: prints the pid of the member's last process, alive or not; fails if it has none.
recorded_pid() {
  local pid _
  [[ -f $RUN/$1.pid ]] || return 1
  read -r pid _ <"$RUN/$1.pid"
  printf '%s' "$pid"
}

# is_alive NAME: whether the process that was started as NAME still runs. A pid that was used again
# by another process is not it, so no signal ever reaches a stranger.
is_alive() {
  local pid identity
  [[ -f $RUN/$1.pid ]] || return 1
  read -r pid identity <"$RUN/$1.pid"
  [[ -n $identity && $(identity_of "$pid") == "$identity" ]]
}

# stop NAME...: SIGTERM to all, SIGKILL to those that still run 20 s later. Those that do not run are fine.
stop() {
  local name pid deadline=$((SECONDS + 20)) waiting=()
  for name in "$@"; do
    if is_alive "$name"; then
      pid=$(recorded_pid "$name")
      kill -TERM "$pid" 2>/dev/null || true
      waiting+=("$name")
    fi
  done
  for name in "${waiting[@]}"; do
    while is_alive "$name" && ((SECONDS < deadline)); do
      sleep 0.1
    done
    if is_alive "$name"; then
      printf 'cluster: %s ignored SIGTERM for 20 s: killed\n' "$name" >&2
      kill -KILL "$(recorded_pid "$name")" 2>/dev/null || true
      while is_alive "$name"; do sleep 0.1; done
    fi
  done
  for name in "$@"; do
    rm -f "$RUN/$name.pid"
  done
}

# Those who need others go first: a draining gateway still reports to Redis that its members leave.
stop_all() {
  stop "${GATEWAYS[@]}"
  stop "${PRESENCE[@]}"
  stop "${PROXY[@]}"
  stop "${REDIS[@]}"
}

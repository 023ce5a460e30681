# What the scripts here share; sourced, never run. It moves to the top of the source tree.
# shellcheck shell=bash

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$top" || exit

# shellcheck disable=SC2034
{
  build_packages=(g++ cmake ninja-build ccache pkg-config libuv1-dev libsqlite3-dev
    libtomlplusplus-dev libboost-dev libboost-program-options-dev libgtest-dev libbenchmark-dev
    libspdlog-dev libfmt-dev libxxhash-dev libexpected-dev libedit-dev libssl-dev
    nlohmann-json3-dev libjemalloc-dev prometheus-cpp-dev iproute2)
  test_packages=(redis-server redis-tools python3 python3-redis clang-14 libclang-rt-14-dev
    clang-tidy clang-format shellcheck git systemd curl openssl wrk)
  registers_bench_packages=(etcd-server wrk redis-server python3) # only for scripts/bench registers
}

# Packages for both of these that a program may be there without: npm may come with a node of
# another source, beside which Debian's cannot be installed.
if ! command -v npm >/dev/null; then
  # shellcheck disable=SC2034
  test_packages+=(nodejs npm)
  # shellcheck disable=SC2034
  registers_bench_packages+=(nodejs npm)
fi

die() {
  printf '%s: %s\n' "${0##*/}" "$*" >&2
  exit 1
}

# Installs those of the packages named that are missing. Says nothing when there are none.
install_packages() {
  local package missing=() sudo=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] ||
      missing+=("$package")
  done
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      die "missing packages; as root: apt-get install ${missing[*]}"
    sudo=(sudo)
  fi
  echo "Installing ${missing[*]}"
  # RUNLEVEL=1 keeps invoke-rc.d from starting the services of what is installed (a Redis server).
  local apt=("${sudo[@]}" env RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
    apt-get -qq -o Dpkg::Use-Pty=0 --no-install-recommends)
  # The lists of a fresh system are empty or old.
  "${apt[@]}" install --dry-run "${missing[@]}" >/dev/null 2>&1 || "${apt[@]}" update
  "${apt[@]}" install -y "${missing[@]}" >/dev/null
}

# build PRESET TARGET…: configures when the presets are newer, then builds with all cores.
build() {
  local preset=$1 quiet=()
  shift
  if [[ -f build/$preset/build.ninja ]]; then
    echo "Building $* ($preset)"
  else
    echo "Building $* ($preset); the first time takes some minutes"
  fi
  [[ build/$preset/build.ninja -nt CMakePresets.json ]] || cmake --preset "$preset" >/dev/null
  [[ -t 1 ]] || quiet=(-- --quiet)
  cmake --build --preset "$preset" -j "$(nproc)" --target "$@" "${quiet[@]}"
}

# has_target PRESET TARGET
has_target() {
  ninja -C "build/$1" -t query "$2" >/dev/null 2>&1
}

# The sums of the lines "N passed, N failed" that part() has seen.
passed=0
failed=0
failed_parts=()

# part NAME COMMAND…: runs a part of the tests and shows what it prints. Its last line of the form
# "N passed, N failed" is added up; without one the part counts as one test, by its exit status. A
# part that exits non-zero failed, whatever it counted.
part() {
  local name=$1 log status=0 line p=0 f=0 started=$SECONDS
  shift
  mkdir -p build/log
  log=build/log/${name//\//-}.log
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log" || status=$?
  line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed$' "$log" | tail -n 1) || true
  if [[ -n $line ]]; then
    p=${line%% *}
    f=${line#*, }
    f=${f%% *}
  elif ((status == 0)); then
    p=1
  fi
  if ((status != 0 && f == 0)); then
    f=1
  fi
  passed=$((passed + p))
  failed=$((failed + f))
  ((f == 0)) || failed_parts+=("$name")
  printf '== %s: %d passed, %d failed (%d s)\n' "$name" "$p" "$f" $((SECONDS - started))
}

# Says what failed, with the last of what its log has on that, and prints the line that everything
# ends with; false if something failed.
summary() {
  local name log
  echo
  for name in "${failed_parts[@]}"; do
    log=build/log/${name//\//-}.log
    echo "Failed: $name"
    [[ ! -f $log ]] || grep -aE '^(FAIL|\[  FAILED  \]|STUCK|UNSAFE|CRASHED)' "$log" | tail -n 20
  done || true
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

# gtest BINARY ARGUMENT…: runs a GoogleTest program and sums up as part() wants it.
gtest() {
  local log status=0 p f
  log=$(mktemp)
  "$@" --gtest_brief=1 2>&1 | tee "$log" || status=$?
  p=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\{0,1\}\.$/\1/p' "$log" | tail -n 1)
  f=$(sed -n 's/^\[  FAILED  \] \([0-9]*\) tests\{0,1\}, listed below:$/\1/p' "$log" | tail -n 1)
  rm -f "$log"
  # A program that died before its own summary has failed at least the test that it was in.
  [[ -n $p && $status -eq 0 ]] || f=${f:-1}
  echo "${p:-0} passed, ${f:-0} failed"
  return "$status"
}

# simulate PRESET SIMULATION FROM COUNT: runs the simulator's seeds from FROM on, each a test.
simulate() {
  local log status=0 p
  log=$(mktemp)
  echo "seeds from $3 on"
  "build/$1/sim" "$2" --from "$3" --seeds "$4" --jobs "$(nproc)" | tee "$log" || status=$?
  p=$(sed -nE 's/^[0-9]+ seeds in .*: ([0-9]+) passed, .*/\1/p' "$log")
  rm -f "$log"
  echo "${p:-0} passed, $(($4 - ${p:-0})) failed"
  return "$status"
}

# toml FILE SECTION KEY: the value, without quotes, of a key that stands on one line; the section ""
# is what comes before the first one.
toml() {
  awk -v section="$2" -v key="$3" '
    /^\[/ { in_section = $0; gsub(/[][ \t]|#.*/, "", in_section); next }
    in_section == section && $0 ~ "^" key "[ \t]*=" {
      sub(/^[^=]*=[ \t]*/, ""); sub(/[ \t]+#.*$/, ""); gsub(/^"|"$/, ""); print; exit
    }' "$1"
}

# set_toml FILE SECTION KEY VALUE: puts another value (as TOML) there. The key must stand there, if
# only behind a '#'.
set_toml() {
  local file=$1
  awk -v section="$2" -v key="$3" -v value="$4" '
    /^\[/ { in_section = $0; gsub(/[][ \t]|#.*/, "", in_section) }
    !done && in_section == section && $0 ~ "^(# *)?" key "[ \t]*=" {
      print key " = " value; done = 1; next
    }
    { print }
    END { exit !done }' "$file" >"$file.new" || die "$file: no '$3' in [$2] to change"
  mv "$file.new" "$file"
}

# http_ready HOST:PORT: true if the node there says that the ring is stable. In a subshell, because
# a node that goes away meanwhile would take the script along (SIGPIPE).
http_ready() (
  exec 2>/dev/null 3<>"/dev/tcp/${1%:*}/${1##*:}" || exit 1
  printf 'GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$1" >&3
  IFS= read -r -t 2 status <&3
  [[ $status == "HTTP/1.1 200"* ]]
)

# Sourced by the tools that install packages: tools/quickstart, tools/check, tools/oss-fuzz/try. Goes
# to the top of the tree, and installs the missing ones of the Debian packages below: those for building
# and running the driver; with needs=tests also those for all tests; and $more_packages. It uses the
# network only if something is missing.
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(
  clang-22 g++ ninja-build python3                             # to build
  libcli11-dev libfmt-dev nlohmann-json3-dev                   # what the driver is built on
  xz-utils                                                     # to unpack recorded traces
)
test_packages=(
  libclang-rt-22-dev llvm-22                                   # sanitizers, and their symbolizer
  doctest-dev llvm-22-tools python3-psutil valgrind            # to test
  qemu-system-arm qemu-system-misc lld-22                      # to run the firmware,
  libstdc++-arm-none-eabi-dev                                  # and to build it
  relacy-dev                                                   # to search the models
  cmake pkg-config                                             # to find an installed mneme
  libasio-dev                                                  # what an adapter is for
  clang-format-22 clang-tidy-22                                # to check the text
  python3-matplotlib                                           # to plot how a fuzzing night went
  python3-clang-22                                             # to find what can be broken
)
if [[ $(uname -m) == x86_64 ]]; then test_packages+=(g++-multilib qemu-user); fi  # for x86 alone: to test on 32 bits
if [[ "${needs:-build}" == tests ]]; then packages+=("${test_packages[@]}"); fi
packages+=("${more_packages[@]}")

install_missing() {
  local missing=() as_root=() log package
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  if ((${#missing[@]} == 0)); then return; fi

  echo "installing: ${missing[*]}"
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      echo "error: not root and no sudo; as root: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  log=$(mktemp)
  # A repository that is out of reach is no reason to stop: the packages may come from another one.
  "${as_root[@]}" apt-get -qq update >"$log" 2>&1 </dev/null || true
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
      -o DPkg::Lock::Timeout=600 \
      install "${missing[@]}" >>"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "error: could not install ${missing[*]}; the lines above say why" >&2
    rm -f "$log"
    exit 1
  fi
  rm -f "$log"
}

install_missing

#!/usr/bin/env bash
#
# Builds the layer: `target/layer/rhai-lambda-<arch>.zip`, with `bootstrap` at its root.
#
# The binary must start on Amazon Linux 2 and 2023 alike, so it is either fully static (musl) or
# asks for no glibc above 2.26. Which compiler makes it depends on what the machine can get: see
# the three ways below. Whichever it was, the result is checked before it is packed.
#
# shellcheck disable=SC2016 # Backquotes in messages mark names; nothing is to be expanded there.

set -euo pipefail

# The pinned tools, from PyPI: the C compiler, the linker of the `zig` and `debian` ways, and what
# packs the zip.
readonly ZIG='ziglang==0.15.2' ZIGBUILD='cargo-zigbuild==0.24.0' ZOPFLI='zopfli==0.4.3'
# Amazon Linux 2 has glibc 2.26, Amazon Linux 2023 has 2.34.
readonly GLIBC_FLOOR=2.26

usage() {
    cat <<'USAGE'
builds the Lambda layer that holds the runtime

usage: layer/build.sh [x86_64|arm64] [--via WAY] [--profile] [--check-reproducible]

  x86_64, arm64         the processor, default `x86_64`
  --via WAY             how to build, default the first one that this machine can:
                          rustup   static, with the musl target of the Rust toolchain
                          zig      glibc 2.26 or newer, linked by zig out of PyPI
                          debian   as `zig`, for arm64, with the compiler and the standard
                                   library of Debian's packages, unpacked below `target`
  --profile             renews `layer/profile/ARCH.profdata.xz` first: what runs how often
  --check-reproducible  builds twice more, in other folders, and compares the bytes
  -h, --help            shows this text

the layer is written to `target/layer/rhai-lambda-ARCH.zip`

example: layer/build.sh arm64
USAGE
}

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for hint in "$@"; do printf 'hint: %s\n' "$hint" >&2; done
    exit 1
}

say() {
    printf 'layer: %s\n' "$1"
}

# The processor's name in Rust's targets.
rust_arch() {
    case "$1" in
        x86_64) echo x86_64 ;;
        arm64) echo aarch64 ;;
    esac
}

require_tools() {
    local tool
    for tool in cargo rustc; do
        command -v "$tool" >/dev/null ||
            fail "\`$tool\` was not found" 'install Rust, with rustup or from the packages of the system'
    done
    command -v python3 >/dev/null ||
        fail '`python3` was not found: it packs the zip and checks the binary' \
            '`apt-get install python3`, `dnf install python3` or `brew install python`'
}

# Whether the toolchain has, or can get, the standard library of a target.
has_target() {
    [[ -d $(rustc --print target-libdir --target "$1" 2>/dev/null) ]] && return 0
    command -v rustup >/dev/null || return 1
    say "asks rustup for the target \`$1\`"
    rustup target add "$1" >/dev/null 2>&1
}

# Whether the toolchain has, or can get, the sources of the standard library.
has_sources() {
    [[ -f $(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock ]] && return 0
    command -v rustup >/dev/null || return 1
    say "asks rustup for the component \`rust-src\`"
    rustup component add rust-src >/dev/null 2>&1
}

# Whether something in `bootstrap` is compiled from C, and a C compiler for the target is needed.
needs_c() {
    cargo tree --quiet --locked --manifest-path "$root/Cargo.toml" --no-default-features \
        --features http --edges normal,build --target "$1" --prefix none 2>/dev/null | grep -q '^cc v'
}

# Installs packages from PyPI into a virtual environment of their own, `$tools/NAME`.
install_python() {
    local folder=$tools/$1 stamp
    shift
    stamp="$tools $*"
    [[ ! -f $folder/installed || $(<"$folder/installed") != "$stamp" ]] || return 0
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail '`python3` cannot make virtual environments (its `venv` or `ensurepip` is missing)' \
            'on Debian and Ubuntu: `apt-get install python3-venv`'
    say "installs $* into $folder"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@" ||
        fail "pip could not install $*" 'is the package registry reachable?'
    printf '%s\n' "$stamp" >"$folder/installed"
}

# zig as linker and C compiler.
install_zig() {
    local zig=$tools/zig
    install_python zig "$ZIG" "$ZIGBUILD"
    # Both keep caches, by default below the home folder.
    export CARGO_ZIGBUILD_CACHE_DIR=$zig/cache ZIG_GLOBAL_CACHE_DIR=$zig/cache
    export PATH="$zig/bin:$PATH"
}

# Rust and Rust's standard library for arm64 as Debian packages them for the web browsers. They
# are unpacked, not installed: the machine stays as it is, and no root is needed.
install_debian() {
    local debian=$tools/debian config=$tools/debian/apt.conf host version package
    if ! command -v apt-get >/dev/null || ! command -v dpkg >/dev/null; then
        fail '`--via debian` needs `apt-get` and `dpkg`' 'use `--via rustup` or `--via zig`'
    fi
    host=$(dpkg --print-architecture)
    if [[ ! -f $debian/installed ]]; then
        say "unpacks Debian's rustc-web, cargo-web and libstd-rust-web-dev:arm64 into $debian"
        rm -rf "$debian"
        mkdir -p "$debian"/{state/lists,cache/archives}/partial "$debian/root"
        {
            printf 'Dir::State "%s";\nDir::Cache "%s";\n' "$debian/state" "$debian/cache"
            printf 'Dir::State::status "/var/lib/dpkg/status";\n'
            printf 'APT::Architectures { "%s"; "arm64"; };\n' "$host"
            printf 'APT::Sandbox::User "%s";\nAcquire::Languages "none";\n' "$(id -un)"
        } >"$config"
        (
            export APT_CONFIG=$config
            cd "$debian/cache/archives"
            apt-get update -qq
            apt-get install -qq --yes --download-only --no-install-recommends \
                rustc-web cargo-web >/dev/null
            version=$(apt-cache policy rustc-web | sed -n 's/^ *Candidate: //p')
            # The machine may have some of these installed: then they were not downloaded above.
            apt-get download -qq "rustc-web=$version" "cargo-web=$version" \
                "libstd-rust-web-dev=$version" "libstd-rust-web-dev:arm64=$version"
        ) || fail 'apt-get could not fetch the packages' \
            'the packages are in Debian 12 and newer; is the package registry reachable?'
        for package in "$debian"/cache/archives/*.deb; do dpkg -x "$package" "$debian/root"; done
        rm -rf "$debian/cache" "$debian/state"
        touch "$debian/installed"
    fi
    LD_LIBRARY_PATH=$debian/root/usr/lib/$(uname -m)-linux-gnu
    PATH="$debian/root/usr/bin:$PATH"
    export LD_LIBRARY_PATH PATH RUSTC=$debian/root/usr/bin/rustc
}

# A C compiler and an archiver for a musl target, unless the environment names them already. The
# `cc` crate hands over Rust's name of the target, which zig does not know.
export_c_compiler() {
    local target=$1 name=${1//-/_} tool
    local variable=CC_$name
    [[ -z ${!variable-} ]] || return 0
    install_zig
    mkdir -p "$tools/zig/wrappers"
    tool=$tools/zig/wrappers/$target
    cat >"$tool-cc" <<WRAPPER
#!/usr/bin/env bash
arguments=()
for argument in "\$@"; do
    [[ \$argument == --target=* ]] || arguments+=("\$argument")
done
exec "$tools/zig/bin/python3" -m ziglang cc -target ${target%%-*}-linux-musl "\${arguments[@]}"
WRAPPER
    cat >"$tool-ar" <<WRAPPER
#!/usr/bin/env bash
exec "$tools/zig/bin/python3" -m ziglang ar "\$@"
WRAPPER
    chmod +x "$tool-cc" "$tool-ar"
    export "CC_$name=$tool-cc" "AR_$name=$tool-ar"
    say "compiles C with $ZIG"
}

# The flags that make the bytes depend on the sources alone: no path of this machine is kept, and
# the linker marks nothing with a hash or a time.
set_flags() {
    local sysroot commit folder flags
    sysroot=$(rustc --print sysroot)
    commit=$(rustc --version --verbose | sed -n 's/^commit-hash: //p')
    flags="--remap-path-prefix=$root=/rhai-lambda"
    flags+=$'\x1f'"--remap-path-prefix=$sysroot/lib/rustlib/src/rust=/rustc/$commit"
    for folder in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
        flags+=$'\x1f'"--remap-path-prefix=${folder%/}=/crates"
    done
    # What is marked `#[inline]` gets less of a bonus, 100 in the place of 325: 106 kB less zip for 1 %
    # more instructions in scripts, 2 % at start.
    flags+=$'\x1f-Cllvm-args=-inlinehint-threshold=100'
    # This variable wins over `RUSTFLAGS` and over cargo's configuration, and takes paths with
    # spaces.
    export CARGO_ENCODED_RUSTFLAGS="$flags"
    # Without it the `ahash` inside rhai is built with a random seed.
    export CONST_RANDOM_SEED=rhai-lambda
    export SOURCE_DATE_EPOCH=315532800
    export CARGO_INCREMENTAL=0 CARGO_TARGET_DIR="$root/target/layer/build"
}

# Runs cargo with what is the same in every way. `bootstrap` is built alone: cargo would unite the
# features that the command line needs with its own.
build() {
    cargo "$@" --locked --manifest-path "$root/Cargo.toml" --release --no-default-features \
        --features http --bin bootstrap
}

# Builds ring's elliptic curves without their tables, which are most of its bytes and do not compress:
# 170 kB of the zip. With P-256, signing takes 47 µs in the place of 18 and verifying 124 in the place
# of 55, a key exchange with X25519 58 in the place of 37; ciphers and hashes are as fast as before. ring does this itself for processors that it has no assembly for. For
# these two it calls faster variants of two functions by name: those names become the plain ones.
shrink_ring() {
    local flags=CFLAGS_${1//-/_} version symbols
    export "$flags=${!flags-} -DOPENSSL_SMALL"
    version=$(sed -n '/^name = "ring"$/ { n; s/^version = "\(.*\)"$/\1/p; }' "$root/Cargo.lock")
    symbols=ring_core_${version//./_}__
    alias_symbol "${symbols}p256_point_mul_base_vartime" "${symbols}p256_point_mul_base"
    if [[ $arch == x86_64 ]]; then
        alias_symbol "${symbols}x25519_scalar_mult_adx" "${symbols}x25519_scalar_mult_generic_masked"
    fi
}

# Gives a function a second name. Should there be none of the first one, the linker says so.
alias_symbol() {
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f'"-Clink-arg=--defsym=$1=$2"
}

# Puts faster memory functions before those of musl, which for x86_64 copy with `rep movsq`, 30 ns for any
# few bytes in the place of 2, and compare byte by byte: a seventh of a handler's time. zig's (MIT), from the
# sources in its package, copy and fill; Rust's own `compiler_builtins`, which copies as musl does, compares.
# Both are compiled for any x86_64. All of these are weak symbols: the first definition counts, and for
# what is defined no archive is asked, so they come before all else. musl's for arm64 are good ones.
replace_memory_functions() {
    local target=$1 folder=target/layer/$ZIG name sysroot library objects=()
    [[ $arch == x86_64 ]] || return 0
    install_zig
    mkdir -p "$root/$folder"
    library=$("$tools/zig/bin/python3" -c 'import ziglang; print(ziglang.__path__[0])')/lib/compiler_rt
    for name in memcpy memmove memset; do
        ZIG_LOCAL_CACHE_DIR=$tools/zig/cache "$tools/zig/bin/python3" -m ziglang build-obj \
            "$library/$name.zig" -target "${target%%-*}-linux-musl" -mcpu=baseline -OReleaseFast -fstrip \
            -fomit-frame-pointer -ffunction-sections -fdata-sections "-femit-bin=$root/$folder/$name.o"
        objects+=("$folder/$name.o")
    done
    sysroot=$(rustc --print sysroot)/lib/rustlib/src/rust
    RUSTC_BOOTSTRAP=1 rustc --edition 2024 --crate-name compiler_builtins --crate-type lib --emit obj \
        --target "$target" --cfg 'feature="mem"' --cfg 'feature="compiler-builtins"' --cap-lints allow \
        -Copt-level=s -Cpanic=abort -Ccodegen-units=1 -Crelocation-model=static \
        "--remap-path-prefix=$sysroot=/rustc" -o "$root/$folder/builtins.o" \
        "$sysroot/library/compiler-builtins/compiler-builtins/src/lib.rs"
    objects+=("$folder/builtins.o")
    # Relative to where cargo starts the compiler, so that the flags name no folder of this machine.
    for name in "${objects[@]}"; do CARGO_ENCODED_RUSTFLAGS+=$'\x1f'"-Zpre-link-arg=$name"; done
}

# Static, with Rust's own musl and linker: nothing of this machine's C world ends up in it.
via_rustup() {
    local target
    target=$(rust_arch "$arch")-unknown-linux-musl
    say "way: rustup, static, target \`$target\`, $(rustc --version)"
    if needs_c "$target"; then export_c_compiler "$target"; fi
    set_flags
    shrink_ring "$target"
    # At a fixed address nothing has to be relocated: 27 kB less zip, and a start without 130,000
    # instructions and 49 page faults. Stack and heap lie elsewhere each time, as before. Functions
    # with the same code are kept once.
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Clinker=rust-lld\x1f-Clink-arg=--build-id=none'
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Crelocation-model=static'
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Clink-arg=--icf=all'
    # The linker puts next to each other what looks alike, which compresses better: 56 kB less zip. Putting
    # next to each other what calls each other instead, as it would by itself, gains a handler 1 %.
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Clink-arg=--bp-compression-sort=both'
    profile=$root/layer/profile/$arch
    # The counting build has no part in the memory functions: it links `compiler_builtins` as it comes.
    if [[ $renew == yes ]]; then make_profile "$target"; fi
    use_profile
    replace_memory_functions "$target"
    build_static "$target"
    binary=$CARGO_TARGET_DIR/$target/release/bootstrap
}

build_static() {
    # The standard library is built for size too, and does not read debug information to name the
    # functions of a backtrace, as there is none: 200 kB less zip. A stable cargo and rustc do this
    # only when they are told that they build Rust itself.
    RUSTC_BOOTSTRAP=1 build build --target "$1" \
        -Zbuild-std=std,panic_unwind -Zbuild-std-features=panic-unwind,optimize_for_size \
        --config 'profile.release.package.core.opt-level="s"' \
        --config 'profile.release.package.alloc.opt-level="s"' \
        --config 'profile.release.package.std.opt-level="s"'
}

# Against glibc, with zig as the linker, which knows the symbols of every glibc version.
via_zig() {
    local target
    target=$(rust_arch "$arch")-unknown-linux-gnu
    say "way: $via, glibc $GLIBC_FLOOR or newer, target \`$target\`, $(rustc --version), $ZIG"
    install_zig
    set_flags
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Clink-arg=-Wl,--build-id=none'
    build zigbuild --target "$target.$GLIBC_FLOOR"
    binary=$CARGO_TARGET_DIR/$target/release/bootstrap
}

choose_way() {
    local name
    name=$(rust_arch "$arch")
    if has_target "$name-unknown-linux-musl" && has_sources; then
        via=rustup
    elif has_target "$name-unknown-linux-gnu"; then
        via=zig
    elif [[ $arch == arm64 ]] && command -v apt-get >/dev/null; then
        via=debian
    else
        fail "no way to build for $arch was found" \
            "\`rustup target add $name-unknown-linux-musl\` and \`rustup component add rust-src\`" \
            'or see `layer/build.sh --help` for the other ways'
    fi
}

require_target() {
    has_target "$1" || fail "the toolchain has no standard library for \`$1\`" \
        "\`rustup target add $1\`" 'or build by another way, see `layer/build.sh --help`'
}

# What a profile fits: names of functions change with the compiler and with the dependencies.
profile_fits() {
    printf 'compiler: %s\n' "$(rustc --version)"
    printf 'dependencies: %s\n' "$(cat "$root/Cargo.toml" "$root/Cargo.lock" | cksum)"
}

# Has the compiler optimise for what `layer/profile` says runs often, if that was made with this
# compiler: another one may not even read it. What it does not know is built as without a profile.
use_profile() {
    local file=$profile.profdata.xz fits=$profile.fits unpacked flag
    if [[ ! -f $file ]]; then
        say "built without a profile: there is none for $arch"
        return
    fi
    if [[ $(sed -n 1p "$fits") != "$(profile_fits | sed -n 1p)" ]]; then
        say "built without the profile: it was made with another $(sed -n 1p "$fits")"
        return
    fi
    if [[ $(<"$fits") != "$(profile_fits)" ]]; then
        say 'the profile is older than `Cargo.toml` or `Cargo.lock`: what changed is optimised less'
        say "\`layer/build.sh $arch --profile\` renews it"
    fi
    # Named by its content: cargo builds anew when the flags change, not when the file does.
    unpacked=$root/target/layer/profile/$arch-$(cksum <"$file" | tr ' ' '-').profdata
    mkdir -p "${unpacked%/*}"
    python3 "$root/layer/profile/profile.py" unpack "$file" "$unpacked"
    CARGO_ENCODED_RUSTFLAGS+=$'\x1f'"-Cprofile-use=$unpacked"
    # Less is put inline than the compiler would by itself: what runs often up to a size of 700 (3,000),
    # what hardly runs up to 5 (45), the rest up to 50 (225). What is outside of the 95 % (99) that run
    # most is built for size, wherever that is a choice.
    for flag in inlinedefault-threshold=50 hot-callsite-threshold=700 inline-cold-callsite-threshold=5 \
        inlinecold-threshold=5 profile-summary-cutoff-hot=950000 profile-summary-cold-count=2000 \
        pgso-lwss-only=false; do
        CARGO_ENCODED_RUSTFLAGS+=$'\x1f'"-Cllvm-args=-$flag"
    done
    say "with the profile $(cksum <"$file" | cut -d' ' -f1)"
}

# Renews the profile: builds a `bootstrap` that counts, lets it handle the events of
# `layer/profile/profile.py`, and keeps what ran.
make_profile() {
    local target=$1 folder=$root/target/layer/profile libraries tools_of_llvm command=()
    libraries=$(rustc --print target-libdir --target "$target")
    tools_of_llvm=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
    [[ -x $tools_of_llvm/llvm-profdata ]] || rustup component add llvm-tools >/dev/null 2>&1 ||
        fail 'the toolchain has no `llvm-profdata`' '`rustup component add llvm-tools`'
    if [[ $(uname -m) != "$(rust_arch "$arch")" ]]; then
        command=("qemu-$(rust_arch "$arch")")
        command -v "${command[0]}" >/dev/null ||
            fail "\`${command[0]}\` was not found: it runs what is built for $arch" 'Debian: `apt-get install qemu-user`'
    fi
    say "builds a \`bootstrap\` that counts what runs"
    # The counting functions come from the toolchain, and what they call from its builtins: the
    # crate that cargo would build them from needs LLVM's sources.
    (
        CARGO_TARGET_DIR=$folder/build
        CARGO_ENCODED_RUSTFLAGS+=$'\x1f-Cprofile-generate\x1f-Zno-profiler-runtime'
        CARGO_ENCODED_RUSTFLAGS+=$'\x1f'-Clink-arg=$(echo "$libraries"/libprofiler_builtins-*.rlib)
        CARGO_ENCODED_RUSTFLAGS+=$'\x1f'-Clink-arg=$(echo "$libraries"/libcompiler_builtins-*.rlib)
        build_static "$target"
    )
    rm -rf "$folder/counts"
    python3 "$root/layer/profile/profile.py" train "$folder/counts" \
        ${command[@]+"${command[@]}"} "$folder/build/$target/release/bootstrap"
    python3 "$root/layer/profile/profile.py" pack "$tools_of_llvm/llvm-profdata" "$folder/counts" \
        "$profile.profdata.xz"
    profile_fits >"$profile.fits"
}

# Starts the binary without a Runtime API: it must say so and end with status 1, at once. That
# shows that it loads and runs; a binary for the other processor runs under qemu where that is.
check_start() {
    local status=0 output
    local command=(env -i "$binary")
    if [[ $(uname -s) != Linux ]]; then
        say 'not started here: this is not Linux'
        return
    fi
    if [[ $(uname -m) != "$(rust_arch "$arch")" ]]; then
        local qemu
        qemu=qemu-$(rust_arch "$arch")
        if ! command -v "$qemu" >/dev/null; then
            say "not started here: this machine is $(uname -m) and has no \`$qemu\` (Debian: qemu-user)"
            return
        fi
        # A glibc binary needs the C library of its own processor beside it.
        command=("$qemu" -L "/usr/$(rust_arch "$arch")-linux-gnu" "$binary")
        if [[ $via != rustup && ! -d /usr/$(rust_arch "$arch")-linux-gnu ]]; then
            say "not started here: no glibc for $arch (Debian: libc6-$arch-cross)"
            return
        fi
    fi
    output=$(env -u AWS_LAMBDA_RUNTIME_API timeout 20 "${command[@]}" 2>&1) || status=$?
    [[ $status -eq 1 && $output == *AWS_LAMBDA_RUNTIME_API* ]] ||
        fail "the built \`bootstrap\` does not start as it should: status $status, output: $output"
    say "starts here: \`${output%%$'\n'*}\`"
}

# Builds copies of the sources in two other folders, the second one with its dependencies unpacked
# elsewhere too, and compares all three zips.
check_reproducible() {
    local check=$root/target/layer/check folder zip=rhai-lambda-$arch.zip
    local home=${CARGO_HOME:-$HOME/.cargo}
    rm -rf "$check"
    for folder in first second-with-a-longer-name; do
        mkdir -p "$check/$folder"
        tar -C "$root" --exclude=./target --exclude=./.git -cf - . | tar -C "$check/$folder" -xf -
        if [[ $folder == second* ]]; then
            mkdir -p "$check/home/registry"
            cp -R "$home/registry/index" "$home/registry/cache" "$check/home/registry/"
            if [[ -f $home/config.toml ]]; then cp "$home/config.toml" "$check/home/"; fi
            export CARGO_HOME=$check/home
        fi
        say "builds again in $check/$folder"
        # Its first cargo would not take the flags of this build.
        env -u CARGO_ENCODED_RUSTFLAGS "$check/$folder/layer/build.sh" "$arch" --via "$via" >/dev/null
        cmp "$root/target/layer/$zip" "$check/$folder/target/layer/$zip" ||
            fail "the layer is not reproducible: $check/$folder made other bytes"
    done
    rm -rf "$check"
    say 'reproducible: three builds in three folders, the same bytes'
}

arch=x86_64 via='' renew=no reproducible=no
while [[ $# -gt 0 ]]; do
    case "$1" in
        x86_64 | arm64) arch=$1 ;;
        --via)
            via=${2-}
            [[ $via =~ ^(rustup|zig|debian)$ ]] ||
                fail "unknown way \`$via\`" 'the ways are `rustup`, `zig` and `debian`'
            shift
            ;;
        --profile) renew=yes ;;
        --check-reproducible) reproducible=yes ;;
        -h | --help) usage; exit 0 ;;
        *) fail "unknown argument \`$1\`" 'see `layer/build.sh --help`' ;;
    esac
    shift
done

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mkdir -p "${IT_TOOLS:-$root/target/tools}"
tools=$(cd "${IT_TOOLS:-$root/target/tools}" && pwd)
export IT_TOOLS=$tools
require_tools

# The sources of all dependencies have to be there before their folders can be listed.
cargo fetch --quiet --locked --manifest-path "$root/Cargo.toml"

binary=''
[[ -n $via ]] || choose_way
[[ $renew == no || $via == rustup ]] || fail "\`--profile\` wants the way \`rustup\`, this is \`$via\`" \
    'the other ways build without a profile'
case "$via" in
    rustup)
        require_target "$(rust_arch "$arch")-unknown-linux-musl"
        has_sources || fail "the toolchain has no sources of the standard library" \
            '`rustup component add rust-src`' 'or build by another way, see `layer/build.sh --help`'
        via_rustup
        ;;
    zig)
        require_target "$(rust_arch "$arch")-unknown-linux-gnu"
        via_zig
        ;;
    debian)
        [[ $arch == arm64 ]] || fail '`--via debian` builds for arm64 only' 'use `--via zig`'
        install_debian
        via_zig
        ;;
esac

layer=$root/target/layer/rhai-lambda-$arch.zip
python3 "$root/layer/artifact.py" check "$binary" "$arch" "$GLIBC_FLOOR"
check_start
install_python zopfli "$ZOPFLI"
"$tools/zopfli/bin/python3" "$root/layer/artifact.py" pack "$layer" "bootstrap=$binary" \
    "share/licenses/rhai-lambda/LICENSE-APACHE=$root/LICENSE-APACHE" \
    "share/licenses/rhai-lambda/LICENSE-MIT=$root/LICENSE-MIT"
if [[ $reproducible == yes ]]; then check_reproducible; fi

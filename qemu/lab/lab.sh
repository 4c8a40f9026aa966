# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# lab.sh: what the scripts of the lab share. Source it; it defines names and prints nothing.
#
# Everything the lab makes lies in $LAB_CACHE. A thing made from a recipe is a directory whose
# name ends in the hash of the recipe, so a changed recipe never meets a stale result. It is made
# as NAME.tmp and renamed when it is complete: what exists under its own name is whole.

# Debian keeps chroot and its like out of the path of ordinary users.
PATH=$PATH:/usr/sbin:/sbin
LAB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$LAB/../.." && pwd)
LAB_CACHE=${LAB_CACHE:-${XDG_CACHE_HOME:-${HOME:?neither HOME nor XDG_CACHE_HOME is set}/.cache}/sfab}
LAB_LOGS=$LAB_CACHE/log

# QEMU's options know no quotes.
case $REPO$LAB_CACHE in
*[[:space:],]*) echo "lab: error: neither '$REPO' nor '$LAB_CACHE' may have a space or comma in its path" >&2; exit 1 ;;
esac

say() { echo "lab: $*" >&2; }
die() { echo "lab: error: $*" >&2; exit 1; }

# The first 12 hex digits of the hash over the files (names and contents) given.
content_key() {
	(
		cd "$REPO" || exit
		for path in "$@"; do
			[ ! -e "$path" ] || find "$path" -type f -print0
		done | LC_ALL=C sort -z | xargs -0r sha256sum | sha256sum | cut -c1-12
	)
}

root_key() { content_key qemu/lab/packages qemu/lab/make-root qemu/lab/root-recipe; }
qemu_key() { { root_key; content_key qemu/patches qemu/lab/build-qemu; } | sha256sum | cut -c1-12; }
device_key() { content_key qemu/hw qemu/core qemu/fibre; }
debug_kernel_key() {
	{ root_key; content_key qemu/lab/debug.config qemu/lab/build-debug-kernel driver/Kconfig; } |
		sha256sum | cut -c1-12
}

lab_root() { echo "$LAB_CACHE/root-$(root_key)"; }
lab_qemu_tree() { echo "$LAB_CACHE/qemu-$(qemu_key)"; }
lab_qemu() { echo "$(lab_qemu_tree)/bin/$(device_key)"; }
lab_peers() { echo "$LAB_CACHE/peers-$({ root_key; content_key qemu/lab/make-peers; } | sha256sum | cut -c1-12)"; }
lab_debug_kernel() { echo "$LAB_CACHE/debug-kernel-$(debug_kernel_key)"; }

# The release of a kernel of the lab, and where its modules are built against.
#   kernel_release distro|second|debug
kernel_release() {
	case $1 in
	distro) cat "$(lab_root)/usr/lib/sfab-lab/kernel" ;;
	second) cat "$(lab_root)/usr/lib/sfab-lab/kernel-second" ;;
	debug) cat "$(lab_debug_kernel)/release" ;;
	*) die "no kernel '$1': choose distro, second or debug" ;;
	esac
}

kernel_dir() {
	case $1 in
	debug) echo "$(lab_debug_kernel)/linux" ;;
	*) echo "/usr/lib/modules/$(kernel_release "$1")/build" ;;
	esac
}

# Hold the lock NAME until this shell exits; say so when somebody else has it.
lock() {
	local fd
	mkdir -p "$LAB_CACHE"
	exec {fd}>"$LAB_CACHE/$1.lock"
	flock -n "$fd" && return
	say "waiting for another run that holds $LAB_CACHE/$1.lock"
	flock "$fd"
}

# Put directory NEW in the place of DIR at once, so that nobody finds neither.
#   replace NEW DIR
replace() {
	if [ -d "$2" ] && mv --exchange -T "$1" "$2" 2>/dev/null; then
		rm -rf "$1"
		return
	fi
	rm -rf "$2"
	mv -T "$1" "$2"
}

show_progress() { # LABEL SECONDS LOG
	local last
	last=$(tail -n5 "$3" 2>/dev/null | grep . | tail -n1 | tr -d '\r' | tr '\t' ' ' | cut -c1-60) || true
	if [ -t 2 ]; then
		printf '\r\033[K%s' "lab: $1: ${2}s $last" >&2
	elif [ "$2" -ge "$next_progress" ]; then
		say "$1: ${2}s $last"
		next_progress=$(($2 + 15))
	fi
}

# Run a command as one step: its output goes to a log, the terminal sees what it does and for how
# long; when it fails, the tail of the log and where the rest is.
#   step LABEL ABOUT CMD...        ABOUT: how long it takes on two cores
step() {
	local label=$1 about=$2 log pid start=$SECONDS status=0 next_progress=3
	shift 2
	mkdir -p "$LAB_LOGS"
	log=$LAB_LOGS/${label// /-}.log
	say "$label: takes about $about (log: $log)"
	# Its own session: an interrupt must end the whole tree, not only its first process.
	setsid "$@" >"$log" 2>&1 </dev/null &
	pid=$!
	# shellcheck disable=SC2064 # the pid of now
	trap "kill -TERM -- -$pid 2>/dev/null; say 'interrupted: $label'; exit 130" INT TERM HUP
	while kill -0 "$pid" 2>/dev/null; do
		sleep 1
		[ $((SECONDS - start)) -lt 3 ] || show_progress "$label" $((SECONDS - start)) "$log"
	done
	wait "$pid" || status=$?
	trap - INT TERM HUP
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$status" != 0 ]; then
		tail -n 25 "$log" | sed 's/^/    /' >&2
		die "$label failed with status $status after $((SECONDS - start)) s; the whole log: $log"
	fi
	say "$label: done in $((SECONDS - start)) s"
}

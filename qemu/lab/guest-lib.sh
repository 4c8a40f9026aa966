# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: MIT
# guest-lib.sh: the steps of `guest`, inside the root. They read the variables that its options set.

# What a modern kernel says when something is wrong. Not "Call Trace": injected faults print one.
SPLAT='WARNING: |BUG: |BUG at |Oops: |KASAN|UBSAN: |general protection|Kernel panic|INFO: task .* blocked|rcu: INFO: |soft lockup|possible (circular|recursive) locking|inconsistent lock state|suspicious RCU usage|refcount_t: |unreferenced object|DMA-API: .*(device driver|out of memory|exceeded|mapping|error)|sleeping function called|scheduling while atomic|Bad page state|list_(add|del) corruption|ODEBUG: '
# What the kernel says about itself at boot, and about crashes of processes.
HARMLESS='traps: |KASAN: .*initialized|KernelAddressSanitizer initialized|DMA-API: (preallocated|debugging enabled)|kmemleak: Kernel memory leak detector'

# Out-of-tree and unsigned are what sfab.ko is; TEST is KUnit's mark.
TAINT_ALLOWED=$((1 << 12 | 1 << 13 | 1 << 18))

base_initrd() { # prints the path of the cached part: busybox, /init, modules for the mounts
	local key dir module paths
	key=$({ root_key; content_key qemu/lab/guest-init qemu/lab/guest-run qemu/lab/guest-lib.sh; echo "$release"; } | sha256sum | cut -c1-12)
	echo "$LAB_CACHE/initrd-$kernel-$key"
	[ ! -e "$LAB_CACHE/initrd-$kernel-$key" ] || return 0
	dir=$(mktemp -d)
	mkdir -p "$dir/bin" "$dir/lab"
	cp /bin/busybox "$dir/bin/"
	cp "$LAB/guest-init" "$dir/init"
	cp "$LAB/guest-run" "$dir/lab/"
	: >"$dir/lab/modules"
	if [ "$kernel" != debug ]; then
		paths=$(for module in 9pnet_virtio 9p overlay; do
			modprobe -S "$release" -D $module
		done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
		for module in $paths; do
			xz -dc "$module" >"$dir/lab/$(basename "$module" .xz)"
			basename "$module" .xz >>"$dir/lab/modules"
		done
	fi
	(cd "$dir" && find . | cpio -o -H newc --quiet) >"$LAB_CACHE/initrd-$kernel-$key.$$"
	mv "$LAB_CACHE/initrd-$kernel-$key.$$" "$LAB_CACHE/initrd-$kernel-$key"
	rm -rf "$dir"
}

# The layer that brings sfab.ko and the module indexes (`make modules` and `make stage` fill it).
module_layer() { echo "$REPO/build/guest/$(kernel_release "$1")"; }

# What lies over the Debian root: copies, since a build may replace the originals while we run.
copy_layers() {
	layers=(root)
	mkdir -p "$run/layers"
	if [ -d "$REPO/build/stage" ]; then
		layers=(stage "${layers[@]}")
		cp -a "$REPO/build/stage" "$run/layers/stage"
	fi
	if [ "$module" = 1 ]; then
		layers=(modules "${layers[@]}")
		cp -a "$(module_layer "$kernel")" "$run/layers/modules"
	fi
}

# The initramfs of this run: the cached base and, in a second archive, what to do.
make_initrd() {
	local dir=$run/initrd.d
	mkdir -p "$dir/lab"
	cat >"$dir/lab/conf" <<-END
		LAYERS='${layers[*]}'
		GUEST_NAME='$name'
		GUEST_REPO='$REPO'
		GUEST_SHARE='${share:+1}'
		GUEST_MODULE=$module
		GUEST_KMEMLEAK=$kmemleak
		GUEST_TERM='${TERM:-dumb}'
		GUEST_ROWS='${LINES:-24}'
		GUEST_COLS='${COLUMNS:-80}'
	END
	if [ "$shell" = 1 ]; then
		cp "$LAB/motd" "$dir/lab/motd"
	else
		printf '#!/bin/bash\nexec' >"$dir/lab/command"
		printf ' %q' "$@" >>"$dir/lab/command"
		chmod +x "$dir/lab/command"
	fi
	# A cpio archive must start at a multiple of 4 bytes; newc pads to 512.
	{ cat "$(base_initrd)"; (cd "$dir" && find . | cpio -o -H newc --quiet); } >"$run/initrd"
	rm -rf "$dir"
}

# What the command prints comes through ports of its own, so the console cannot disturb it.
start_outputs() {
	outputs=()
	rm -f "$run/out" "$run/err" "$run/status"
	: >"$run/status"
	[ "$shell" = 0 ] || return 0
	mkfifo "$run/out" "$run/err"
	cat "$run/out" & outputs+=($!)
	cat "$run/err" >&2 & outputs+=($!)
}

machine_args() {
	if [ "$LAB_ACCEL" = kvm ]; then
		args+=(-accel kvm -cpu host)
	else
		# TCG is slow at `rep movsb`, which the kernel prefers when it sees erms or fsrm.
		args+=(-accel tcg -cpu "max,-erms,-fsrm")
	fi
	args+=(-M "q35,kernel-irqchip=split" -m "$mem" -smp "$smp")
	# Hot plug as on a server: by PCIe, not by ACPI.
	args+=(-global ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off)
	case $iommu in
	none) ;;
	intel) args+=(-device "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on"); cmdline+=" intel_iommu=on" ;;
	*) die "guest: no IOMMU '$iommu': choose none or intel" ;;
	esac
}

share_args() { # TAG DIR ro|rw
	args+=(-fsdev "local,id=$1,path=$2,security_model=none,multidevs=remap$([ "$3" = rw ] || echo ,readonly=on)"
		-device "virtio-9p-pci,fsdev=$1,mount_tag=$1")
}

port_args() { # NAME CHARDEV-ARGS
	args+=(-chardev "$2,id=$1" -device "virtserialport,chardev=$1,name=$1")
}

# A ring of accelerators, twice: the two ends of a fibre between accelerator I and the next one.
RAILS=2

# Those of several guests, node0, node1 ..., are numbered through, as a topology's are.
fibre_args() {
	local i rail number first=${name##*[!0-9]}
	ports=()
	[ "$fibres" = ring ] || return 0
	for ((i = 0; i < accels; i++)); do
		for ((rail = 0; rail < RAILS; rail++)); do
			number=$(((${first:-0} * accels + i) * RAILS + rail))
			args+=(-object "sfab-fibre,id=fibre$number")
			ports[i]+=",port$((2 * rail))-path0=fibre$number"
			ports[(i + 1) % accels]+=",port$((2 * rail + 1))-path0=fibre$number"
		done
	done
}

accel_args() {
	local i ports
	fibre_args
	for ((i = 0; i < accels; i++)); do
		args+=(-device "pcie-root-port,id=port$i,chassis=$((i + 1)),slot=$((i + 1))"
			-object "memory-backend-memfd,id=hbm$i,size=$hbm,share=on"
			-device "sfab-accel,id=accel$i,bus=port$i,hbmdev=hbm$i${ports[i]-}${accel_opts:+,$accel_opts}")
	done
}

boot() {
	local qemu cmdline image layer args=()
	qemu=$(lab_qemu)
	image=/boot/vmlinuz-$release
	[ "$kernel" != debug ] || image=$(lab_debug_kernel)/bzImage
	cmdline="console=ttyS0 panic=-1 oops=panic mitigations=off nokaslr no_timer_check tsc=reliable"
	# On a busy host a vCPU may stand still for long; that is not the guest's fault.
	cmdline+=" watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=180 workqueue.watchdog_thresh=180"
	args=(-nodefaults -no-user-config -display none -no-reboot -L "$qemu/firmware")
	machine_args
	args+=(-kernel "$image" -initrd "$run/initrd" -qmp "unix:$run/qmp.sock,server=on,wait=off")
	for layer in "${layers[@]}"; do
		case $layer in
		root) share_args root /lab/root ro ;;
		*) share_args "$layer" "$run/layers/$layer" ro ;;
		esac
	done
	share_args repo "$REPO" ro
	[ -z "$share" ] || share_args share "$share" rw
	args+=(-device virtio-serial-pci)
	port_args status "file,path=$run/status"
	if [ "$shell" = 1 ]; then
		args+=(-chardev "stdio,id=console,mux=on,signal=off,logfile=$log" -serial chardev:console
			-mon "chardev=console,mode=readline")
		cmdline+=" quiet"
	else
		port_args out "file,path=$run/out"
		port_args err "file,path=$run/err"
		args+=(-serial "file:$log")
		cmdline+=" ignore_loglevel"
	fi
	accel_args
	printf '%q ' "$qemu/qemu-system-x86_64" "${args[@]}" "${qemu_args[@]}" -append "$cmdline $append" >"$run/qemu.cmd"
	local limit=(timeout --foreground -k 5 "$timeout")
	[ "$shell" = 0 ] || limit=(env)
	# Not even a killed script leaves a machine behind: each process dies with its parent.
	setpriv --pdeathsig KILL "${limit[@]}" setpriv --pdeathsig KILL \
		"$qemu/qemu-system-x86_64" "${args[@]}" "${qemu_args[@]}" -append "$cmdline $append" <&0 &
	await $!
	# A QEMU that never opened them would leave the readers waiting.
	[ "$shell" = 1 ] || { : <>"$run/out"; : <>"$run/err"; wait "${outputs[@]}" || true; }
}

await() { # PID of QEMU; sets qemu_status
	local interrupted=0
	# shellcheck disable=SC2064 # the pid of now
	trap "interrupted=1; kill -TERM $1 2>/dev/null" INT TERM HUP
	qemu_status=0
	wait "$1" || qemu_status=$?
	trap - INT TERM HUP
	[ $interrupted = 1 ] || return 0
	wait "$1" || true
	echo "guest: interrupted" >&2
	exit 130
}

told() { awk -v key="$1" '$1 == key { print $2; exit }' "$run/status"; } # KEY: what the guest reported

# Linux 6.12 takes two locks of pciehp in either order when any device is unplugged. Lockdep tells it
# once, and then no more of anything: so only where that is what it tells first.
without_pciehp() {
	awk '/WARNING: possible circular locking dependency/ { held = $0; next }
		held != "" && /, at: / { if (!/, at: pciehp_unconfigure_device\+/) print held; held = "" }
		{ print }
		END { if (held != "") print held }'
}

splats() { tr -d '\r' <"$log" | without_pciehp | grep -aE "$SPLAT" | grep -avE "$HARMLESS" || true; }

complain() { # STATUS TEXT: say what went wrong and show the end of the console
	echo "guest: $2" >&2
	splats | head -n 10 | sed 's/^/    /' >&2
	echo "    ... the end of the console:" >&2
	tail -n 20 "$log" | sed 's/^/    /' >&2
	keep_log
	exit "$1"
}

keep_log() { # the console of a failed run outlives its run directory
	[[ $log == "$run"/* && $run == /tmp/sfab-guest.* ]] || { echo "guest: console: $log" >&2; return 0; }
	mkdir -p "$LAB_LOGS"
	cp "$log" "$LAB_LOGS/guest-${run##*.}.log"
	echo "guest: console: $LAB_LOGS/guest-${run##*.}.log" >&2
}

# What the guest and its console say, as one exit status.
judge() {
	local bad='' taint
	if [ -z "$(told end)" ]; then
		[ "$shell" = 0 ] || exit 0
		case $qemu_status in
		124 | 137) complain 124 "no end within $timeout s" ;;
		esac
		[ -n "$(told booted)" ] || complain 122 "the guest did not boot (QEMU's status $qemu_status)"
		complain 123 "the guest's kernel died"
	fi
	bad=$(splats | head -n 20)
	taint=$(told taint)
	[ $((taint & ~TAINT_ALLOWED)) = 0 ] || bad+=$'\n'"taint $taint"
	[ "$(told leaks)" = "" ] || [ "$(told leaks)" = 0 ] || bad+=$'\n'"$(told leaks) leaked objects"
	[ -z "$(told module)" ] || bad+=$'\n'"sfab.ko does not load"
	[ -z "$(told rmmod)" ] || bad+=$'\n'"sfab.ko does not unload"
	[ -z "$bad" ] || {
		echo "guest: the kernel complained:" >&2
		bad="    ${bad#$'\n'}"
		echo "${bad//$'\n'/$'\n'    }" >&2
		keep_log
	}
	[ "$shell" = 0 ] || exit 0
	local status
	status=$(told exit)
	[ "$status" != 0 ] || [ -z "$bad" ] || exit 121
	exit "$status"
}

# SPDX-License-Identifier: MIT
#
# sfab: `make help` lists what can be made. Everything is built in the lab's Debian 13 root, which
# `make lab` sets up; NATIVE=1 builds with the tools of this machine, as `make install` always does.

SHELL := /bin/bash
O := $(CURDIR)/build
KERNEL ?= distro
prefix ?= /usr/local
KVER ?= $(shell uname -r)
LAB := qemu/lab
IN := $(if $(NATIVE),,$(LAB)/inroot --)
USERLAND := $(patsubst %/Makefile,%,$(wildcard runtime/Makefile tools/Makefile))

ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif
MAKEFLAGS += --no-print-directory

.NOTPARALLEL:
.PHONY: all help lab debug-kernel userland switch modules stage shell supernode demo soak switches truth bench versus check \
	check-debug lint install install-user install-module clean

all: userland switch modules

help:
	@sed -n 's/^#: \?//p' $(firstword $(MAKEFILE_LIST))

# The library goes to $(O)/lib, the tool to $(O)/bin.
out = $(if $(filter runtime,$(1)),$(O)/lib,$(O))

#: make                        library, tool and module, into build/
userland:
	+@$(foreach dir,$(USERLAND),$(IN) $(MAKE) -C $(dir) O=$(call out,$(dir)) &&) true

#: make switch                 the packet switch of supernodes, into build/switch
switch:
	+@$(IN) $(MAKE) -C qemu/switch O=$(O)

#: make modules                sfab.ko for the guests' kernel; KERNEL=distro|second|debug
#: make modules KDIR=DIR       sfab.ko for the kernel of yours that DIR belongs to, with your compiler
modules:
	+@$(if $(KDIR),$(LAB)/build-module $(KDIR),$(LAB)/modules $(KERNEL))

#: make lab                    set up all that the guests need (root, QEMU): once, then nothing
lab:
	@$(LAB)/setup root qemu

#: make debug-kernel           the kernel with KASAN, lockdep, kmemleak, fault injection
debug-kernel:
	@$(LAB)/setup debug-kernel

# What the guests see installed under /usr.
stage: all
	+@O=$(O) $(IN) $(LAB)/stage $(USERLAND)

#: make shell                  a shell in a guest; ACCELS=8 NODES=1 KERNEL=distro|debug FIBRES=ring|none
shell: lab stage
	@$(LAB)/shell "$(or $(NODES),1)" "$(or $(ACCELS),8)" "$(KERNEL)" "$(or $(FIBRES),ring)"

#: make supernode TOPOLOGY=T   guests whose accelerators form one fabric, until Ctrl-C; T is a file or
#:                             ring:2x4, mesh:4, torus:4x4, clos:16 (qemu/lab/topology.py); KERNEL=
#:                             FAULTS=FILE SEED=1: what goes wrong, and when (qemu/lab/faults.py)
supernode: lab stage
	@$(LAB)/supernode up "$(TOPOLOGY)" --kernel "$(KERNEL)" $(if $(FAULTS),--faults "$(FAULTS)") \
		--seed "$(or $(SEED),1)"

#: make demo                   a file travels between all accelerators of two nodes, then a fibre is
#:                             cut below a transfer, then a connector gets dirty; INPUT=FILE
demo:
	+@$(LAB)/demo $(if $(INPUT),"$(INPUT)")

#: make check                  lint, then every test
check:
	+@tests/check

#: make check-debug            all of the driver's tests on the debug kernel; check has a selection
check-debug:
	+@tests/check kselftest-debug-whole

#: make lint                   all that can be said without running anything
lint:
	+@tests/lint

#: make soak                   random work between all accelerators of a supernode while fibres are cut;
#:                             TIME=600 (seconds) SEED=1 TOPOLOGY=ring:2x2,hbm=64M
soak: lab stage
	@tests/supernode/soak "$(or $(TIME),600)" "$(or $(SEED),1)" $(if $(TOPOLOGY),"$(TOPOLOGY)")

#: make switches               switch a light path very often while data goes over it; all of it is
#:                             verified, and no event may be lost; N=10000
switches: lab stage
	@SWITCHES=$(or $(N),10000) tests/kselftest/host --only two-paths link_switch

#: make truth                  break links of the hardware's model in every way, compare what is diagnosed;
#:                             then links of guests, where the whole stack diagnoses
truth: lab stage
	@$(IN) $(MAKE) -s -C tests/truth run O=$(O)
	@tests/truth/guest

#: make bench                  the measurements
bench: lab stage
	@tests/bench/run

#: make versus                 sfab next to memcpy, TCP and soft-RoCE, between the same two guests; ROUNDS=3
versus: lab stage
	@tests/bench/versus "$(or $(ROUNDS),3)"

#: make install                module, library, headers, tool, man pages; DESTDIR= prefix=/usr/local
#:                             KDIR= or KVER= choose the kernel (this machine's, if neither is given)
install: install-user install-module

install-user: O := $(O)/native
install-user:
	@pkg-config --exists libdrm libudev json-c libcrypto 2>/dev/null || { echo \
		"make install builds with the tools of this machine and misses some: apt-get install" \
		"gcc pkg-config libdrm-dev libudev-dev libjson-c-dev libssl-dev" >&2; exit 1; }
	+@$(foreach dir,$(USERLAND),$(MAKE) -C $(dir) O=$(call out,$(dir)) && \
		$(MAKE) -C $(dir) O=$(call out,$(dir)) DESTDIR=$(DESTDIR) \
			prefix=$(prefix) PREFIX=$(prefix) install &&) true
	@[ -n "$(DESTDIR)" ] || ldconfig

install-module:
	+@$(LAB)/build-module $(or $(KDIR),/lib/modules/$(KVER)/build) modules
	+@$(LAB)/build-module $(or $(KDIR),/lib/modules/$(KVER)/build) \
		INSTALL_MOD_PATH=$(DESTDIR) INSTALL_MOD_DIR=updates modules_install
	@[ -n "$(DESTDIR)" ] || depmod -a $(if $(KDIR),$$(make -s -C $(KDIR) kernelrelease),$(KVER))

#: make clean                  remove build/ (the lab's cache stays: ~/.cache/sfab)
clean:
	@rm -rf $(O)

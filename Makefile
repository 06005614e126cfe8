# SPDX-License-Identifier: MIT
# The one build file: `make help` lists the targets.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.DEFAULT_GOAL := build
MAKEFLAGS += --no-builtin-rules

# ---- Settings ---------------------------------------------------------------------------------
# SANITIZE=1 builds with ASan and UBSan, SANITIZE=thread with TSan, beside the release build.
ifeq ($(origin CC),default)
CC := gcc
endif
FUZZ_CC ?= clang
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
SANITIZER := $(if $(SANITIZE),$(if $(filter thread,$(SANITIZE)),thread,address))
BUILD := build
OBJ := $(BUILD)/obj/$(or $(SANITIZER),release)
OUT := $(BUILD)$(if $(SANITIZER),/sanitize-$(SANITIZER))
VERSION = $(shell sed -n 's/^.define PP_VERSION "\(.*\)"/\1/p' include/postproof/postproof.h)
SONAME := libpostproof.so.0
Q := $(if $(V),,@)

# Asked once, and not before a recipe needs it: `make deps` may have to install the answer first.
once = $(eval $1 := $2)$($1)
LIBRARY_PACKAGES := libcrypto jansson libsodium zlib gnutls libzstd libdivsufsort
packages = $(shell $(PKG_CONFIG) $1 $(LIBRARY_PACKAGES) 2>/dev/null)
compiler_takes = $(shell $(CC) -Werror $1 -x c -c /dev/null -o /dev/null 2>/dev/null && echo $1)
LIBRARY_CFLAGS = $(call once,LIBRARY_CFLAGS,$(call packages,--cflags))
LIBRARY_LIBS = $(call once,LIBRARY_LIBS,$(call packages,--libs))
CONTROL_FLOW = $(call once,CONTROL_FLOW,$(call compiler_takes,-fcf-protection))
# intel-ipsec-mb (x86-64 only) hashes many entries at once; the library works without it.
IPSEC_MB := $(if $(NO_IPSEC_MB),,$(wildcard /usr/include/intel-ipsec-mb.h))

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wcast-qual -Wvla
HARDENING = -fstack-protector-strong -D_FORTIFY_SOURCE=2 $(CONTROL_FLOW)
HARDENING_LINK := -Wl,-z,relro,-z,now,-z,noexecstack
SANITIZERS := -fno-omit-frame-pointer -fno-sanitize-recover=all
ifeq ($(SANITIZER),address)
HARDENING := $(SANITIZERS) -fsanitize=address,undefined
HARDENING_LINK := -fsanitize=address,undefined
else ifeq ($(SANITIZER),thread)
# Instrumented code makes gcc guess wrongly how long a text may be.
HARDENING := $(SANITIZERS) -fsanitize=thread -Wno-format-truncation
HARDENING_LINK := -fsanitize=thread
endif
CFLAGS ?= -O2 -g
# Small helpers such as the big-endian reads live in files of their own; the linker inlines them.
OPTIMIZE_LINK := $(if $(SANITIZER),,-flto=auto -ffat-lto-objects)
DEFINES := -Iinclude -D_GNU_SOURCE $(if $(IPSEC_MB),-DPP_HAVE_IPSEC_MB)
COMPILE = $(CC) -std=c11 $(WARNINGS) $(HARDENING) -fPIC $(DEFINES) $(LIBRARY_CFLAGS) \
          $(CPPFLAGS) $(CFLAGS) $(OPTIMIZE_LINK)
LIBS = $(LIBRARY_LIBS) $(if $(IPSEC_MB),-lIPSec_MB) -lpthread
LINK = $(CC) $(HARDENING_LINK) -pie $(CFLAGS) $(OPTIMIZE_LINK) $(LDFLAGS)

# ---- Sources ----------------------------------------------------------------------------------
LIBRARY_SOURCES := $(wildcard $(addprefix src/,$(addsuffix /*.c,base ledger limiter rollback patch dashboard bundle store versions os ingest)))
HELPER_SOURCES := $(filter-out tests/lib/os_fault%,$(wildcard tests/lib/*.c))
object = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $1))

LIBRARY_OBJECTS := $(call object,$(LIBRARY_SOURCES)) $(OBJ)/generated/timeline_assets.o
PROGRAM_OBJECTS := $(call object,cli/*.c daemon/*.c) \
                   $(addprefix $(OBJ)/generated/,proofs_manifest.o bundle_files.o audit_schema.o \
                     dashboard_input.o)
HELPER_OBJECTS := $(call object,$(HELPER_SOURCES))
# The fault tests replace the system calls' file by one that fails when told to.
FAULT_OBJECTS := $(call object,tests/lib/os_fault*.c) \
                 $(filter-out $(addprefix $(OBJ)/src/os/,os_posix.o os_attributes.o),$(LIBRARY_OBJECTS))

PROGRAM := $(OUT)/postproof
ARCHIVE := $(OUT)/libpostproof.a
SHARED := $(BUILD)/libpostproof.so
programs = $(patsubst $1/%.c,$(OUT)/$2/%,$(wildcard $1/$3))
ALL_TESTS := $(call programs,tests/unit,tests,test_*.c)
FAULT_TESTS := $(filter $(OUT)/tests/test_fault_%,$(ALL_TESTS))
UNIT_TESTS := $(filter-out $(FAULT_TESTS),$(ALL_TESTS))
# What `make check` leaves to `make test`: every bit of every file, and thousands of restarts.
SLOW_TESTS := $(addprefix $(OUT)/tests/,test_tamper test_restart)
EXAMPLES := $(call programs,examples,examples,*.c)
BENCHES := $(call programs,bench,bench,bench_*.c) $(call programs,bench,bench,stress_*.c)
FUZZERS := $(patsubst fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard fuzz/fuzz_*.c))
SCRIPTS := $(sort $(wildcard tests/integration/*.sh))
# These do more under PP_CHAOS=1.
CHAOS_SCRIPTS := tests/integration/64-serve-burst.sh
DIFFERENTIAL := tests/differential/run tests/differential/run-sanitized
CHECKS := tools/check-layers tools/check-style tools/check-exports tools/check-claims \
          tools/check-dashboards
SANITIZED_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/sanitize-address/tests/%, \
                     $(wildcard tests/unit/test_*.c))

# Integration scripts find the program here.
export POSTPROOF := $(abspath $(PROGRAM))

# ---- Targets ----------------------------------------------------------------------------------
# -j for the makes below, unless the caller chose it.
PARALLEL = $(if $(findstring j,$(filter-out --%,$(MAKEFLAGS))),,-j$(shell nproc))
AGAIN = +$(Q)$(MAKE) --no-print-directory
DEPS = $(Q)tools/install-deps
RUN_TESTS = $(Q)tools/run-tests

.PHONY: help deps build dashboards test check e2e-test chaos-test fuzz bench benchmark demo install \
        uninstall clean format lint all tests stress-rollback prove differential prove-mutants \
        run-test run-e2e run-chaos run-fuzz run-bench races FORCE

help: ## lists the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile
	@echo "  settings: PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) CC=$(CC) SANITIZE=1|thread V=1"

deps: ## installs the Debian packages that are missing, for building and testing
	$(DEPS) build test

build: $(PROGRAM) $(ARCHIVE) $(if $(SANITIZER),,$(SHARED)) ## the program and the libraries, in build/

# The libraries that this makefile finds depend on `deps`, hence a new make after it.  The proofs
# come before the program, which holds their manifest; run-test counts what fails there.
test: deps ## everything that can fail: unit, integration, fault and sanitizer tests, the proofs
	$(DEPS) prove
	$(Q)tools/prove || true
	$(AGAIN) $(PARALLEL) all
	$(AGAIN) $(PARALLEL) SANITIZE=1 tests
	$(AGAIN) $(PARALLEL) SANITIZE=thread races
	$(AGAIN) run-test

run-test: export SUMMARY_FILE := $(BUILD)/summary
run-test:
	$(RUN_TESTS) tools/prove $(CHECKS) $(UNIT_TESTS) $(FAULT_TESTS) $(SCRIPTS) $(DIFFERENTIAL) \
	    $(SANITIZED_TESTS)

check: $(filter-out $(SLOW_TESTS),$(UNIT_TESTS)) ## the fast loop: unit tests, but for the slowest
	$(RUN_TESTS) $^

prove: deps ## checks every proof; COLD=1 all anew, SMOKE=1 looks for contradictions too
	$(DEPS) prove
	$(Q)tools/prove
	$(Q)tools/check-claims

differential: deps ## the Coq models beside the shipped C: 1,000,000 cases of each function
	$(DEPS) prove
	$(AGAIN) $(PARALLEL) build
	$(Q)tests/differential/run

prove-mutants: deps ## breaks proved functions in small ways: each must make a proof fail
	$(DEPS) prove
	$(Q)tools/prove-mutants

e2e-test: deps ## the stories in tests/integration, with the real program
	$(AGAIN) $(PARALLEL) build $(EXAMPLES) $(BENCHES)
	$(AGAIN) run-e2e

run-e2e:
	$(RUN_TESTS) $(SCRIPTS)

chaos-test: deps ## fault tests at full count: kills, full disks, power cuts, bursts, floods
	$(AGAIN) $(PARALLEL) build tests $(BENCHES)
	$(AGAIN) run-chaos

run-chaos: export PP_CHAOS := 1
run-chaos: export TEST_LIMIT_S := 14400
run-chaos: export SHOW_OUTPUT := 1
run-chaos:
	$(RUN_TESTS) $(CHAOS_SCRIPTS) $(FAULT_TESTS)

fuzz: deps ## libFuzzer for T=60 seconds on C=ledger, or on every target
	$(DEPS) fuzz
	$(AGAIN) $(PARALLEL) run-fuzz

bench: deps ## speed and memory beside the peers, which it installs (SQLite, nginx, Redis ...)
	$(DEPS) bench
	$(AGAIN) $(PARALLEL) build $(BENCHES)
	$(AGAIN) run-bench

benchmark: bench ## the same

run-bench:
	$(Q)bench/run.sh $(BUILD)/bench/bench_ledger
	$(Q)bench/rollback.sh $(BUILD)/bench/bench_rollback

stress-rollback: deps ## 10,000 upgrades and rollbacks of a 256 MiB checkpoint, volatile and durable
	$(AGAIN) $(PARALLEL) $(OUT)/bench/stress_rollback
	$(Q)bench/stress_rollback.sh $(OUT)/bench/stress_rollback

demo: deps ## keys, a ledger of this machine's logs, and attacks on copies of it
	$(AGAIN) $(PARALLEL) build
	$(Q)$(PROGRAM) demo

lint: build ## layers, style, exported names, claims of proofs, dashboards/
	$(RUN_TESTS) $(CHECKS)

dashboards: build ## generates dashboards/ anew from dashboards/invariants.txt and the proofs
	$(Q)$(PROGRAM) dashboard --out dashboards

format: ## clang-format on every source
	$(DEPS) format
	$(Q)clang-format -i $$(find include src cli daemon tests bench fuzz examples -name '*.[ch]')

clean: ## removes build/
	rm -rf $(BUILD)

all: build tests $(EXAMPLES) $(BENCHES)
# What 68-serve-races.sh runs, with SANITIZE=thread.
races: $(PROGRAM) $(OUT)/bench/bench_serve
tests: $(ALL_TESTS)

# ---- Installing -------------------------------------------------------------------------------
BIN = $(DESTDIR)$(PREFIX)/bin
LIB = $(DESTDIR)$(PREFIX)/lib
INCLUDE = $(DESTDIR)$(PREFIX)/include/postproof
MAN = $(DESTDIR)$(PREFIX)/share/man/man1
MAN_PAGES := $(wildcard docs/man/*.1)
HEADERS := $(wildcard include/postproof/*.h)
# Further names of the program: the table PROGRAMS in cli/main.c.
OTHER_NAMES := log_verifier bundle_builder verify_bundle bundle_uploader dashboard_generator

install: build $(BUILD)/postproof.pc ## installs under PREFIX, staged below DESTDIR
	install -d $(BIN) $(LIB)/pkgconfig $(INCLUDE) $(MAN)
	install -m 755 $(PROGRAM) $(BIN)/postproof
	for name in $(OTHER_NAMES); do ln -sf postproof $(BIN)/$$name || exit 1; done
	install -m 644 $(ARCHIVE) $(LIB)/libpostproof.a
	install -m 755 $(SHARED) $(LIB)/libpostproof.so.$(VERSION)
	ln -sf libpostproof.so.$(VERSION) $(LIB)/$(SONAME)
	ln -sf $(SONAME) $(LIB)/libpostproof.so
	install -m 644 $(HEADERS) $(INCLUDE)
	install -m 644 $(BUILD)/postproof.pc $(LIB)/pkgconfig/postproof.pc
	$(if $(MAN_PAGES),install -m 644 $(MAN_PAGES) $(MAN))
	$(if $(DESTDIR),,ldconfig 2>/dev/null || true)

uninstall: ## removes what install put there
	rm -f $(addprefix $(BIN)/,postproof $(OTHER_NAMES)) $(LIB)/libpostproof.a \
	    $(LIB)/libpostproof.so $(LIB)/$(SONAME) $(LIB)/libpostproof.so.$(VERSION) \
	    $(LIB)/pkgconfig/postproof.pc \
	    $(addprefix $(INCLUDE)/,$(notdir $(HEADERS))) $(addprefix $(MAN)/,$(notdir $(MAN_PAGES)))
	rmdir $(INCLUDE) 2>/dev/null || true

# Written anew each time: PREFIX may differ from the last one's.
$(BUILD)/postproof.pc: FORCE
	$(Q)mkdir -p $(@D)
	$(Q)printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$${prefix}/lib' \
	    'includedir=$${prefix}/include' '' 'Name: postproof' \
	    'Description: Tamper-evident evidence from runtime telemetry' 'Version: $(VERSION)' \
	    'Requires.private: $(LIBRARY_PACKAGES)' 'Libs: -L$${libdir} -lpostproof' \
	    'Libs.private: $(if $(IPSEC_MB),-lIPSec_MB )-lpthread' \
	    'Cflags: -I$${includedir}' > $@

# ---- How things are made ----------------------------------------------------------------------
# Changes when the compiler or a flag does, and then everything is made again.
define flags_file
	$(Q)mkdir -p $(@D)
	$(Q)command -v $(firstword $1) >/dev/null && $(PKG_CONFIG) --exists $(LIBRARY_PACKAGES) || \
	    { echo "A compiler or a library is missing: run 'make deps' first." >&2; exit 2; }
	$(Q)printf '%s\n' '$1' | cmp -s - $@ || printf '%s\n' '$1' > $@
endef

$(OBJ)/flags: FORCE
	$(call flags_file,$(COMPILE) | $(LINK) | $(LIBS))

# Byte loops over whole images and tables: -O2 makes no vector instructions of them.
$(OBJ)/src/rollback/%.o $(OBJ)/src/base/bytes.o: CFLAGS += -O3

$(OBJ)/%.o: %.c $(OBJ)/flags
	$(Q)mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(COMPILE) -MMD -MP -c $< -o $@

# What `postproof proofs` lists.
$(BUILD)/generated/proofs_manifest.c: proofs/manifest.json
	$(Q)mkdir -p $(@D)
	$(Q){ echo '#include "../../cli/proofs_manifest.h"'; \
	    echo 'const unsigned char cli_proofs_manifest[] = {'; \
	    od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	    echo 'const size_t cli_proofs_manifest_bytes = sizeof cli_proofs_manifest;'; } > $@

# What `postproof bundle audit` checks records against.
$(BUILD)/generated/audit_schema.c: schemas/audit.schema.json
	$(Q)mkdir -p $(@D)
	$(Q){ echo '#include "../../cli/audit_schema.h"'; \
	    echo 'const unsigned char cli_audit_schema[] = {'; \
	    od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	    echo 'const size_t cli_audit_schema_bytes = sizeof cli_audit_schema;'; } > $@

# The invariants that `postproof dashboard` knows.
$(BUILD)/generated/dashboard_input.c: dashboards/invariants.txt
	$(Q)mkdir -p $(@D)
	$(Q){ echo '#include "../../cli/dashboard_input.h"'; \
	    echo 'const unsigned char cli_dashboard_input[] = {'; \
	    od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	    echo 'const size_t cli_dashboard_input_bytes = sizeof cli_dashboard_input;'; } > $@

# What every bundle carries: the specifications, the proofs and their manifest.
BUNDLE_FILES := $(sort $(wildcard spec/*.v proofs/*/*.v) proofs/axioms.txt proofs/manifest.json)
$(BUILD)/generated/bundle_files.c: $(BUNDLE_FILES)
	$(Q)mkdir -p $(@D)
	$(Q){ echo '#include "../../cli/bundle_files.h"'; n=0; \
	    for file in $(BUNDLE_FILES); do \
	        n=$$((n + 1)); echo "static const uint8_t file_$$n[] = {"; \
	        od -An -v -tx1 $$file | sed 's/ \(..\)/0x\1,/g'; echo '};'; done; \
	    echo 'const struct pp_bundle_file cli_bundle_files[] = {'; n=0; \
	    for file in $(BUNDLE_FILES); do \
	        n=$$((n + 1)); echo "{\"$$file\", {file_$$n, sizeof file_$$n}},"; done; \
	    echo '};'; echo "const size_t cli_bundle_file_count = $$n;"; } > $@

# The page of timelines: its scripts joined, and all byte for byte, since its policy names hashes.
TIMELINE := web/timeline
TIMELINE_SCRIPTS := $(addprefix $(TIMELINE)/,data.js check.js chart.js model.js list.js main.js)
$(BUILD)/generated/timeline_assets.c: $(TIMELINE)/page.html $(TIMELINE)/page.css $(TIMELINE_SCRIPTS)
	$(Q)mkdir -p $(@D)
	$(Q)asset() { \
	        echo "const uint8_t pp_timeline_$$1[] = {"; \
	        cat $$2 | od -An -v -tx1 | sed 's/ \(..\)/0x\1,/g'; echo '};'; \
	        echo "const size_t pp_timeline_$$1_bytes = sizeof pp_timeline_$$1;"; \
	    }; \
	    { echo '#include "../../src/bundle/timeline_assets.h"'; \
	      asset html $(TIMELINE)/page.html; asset css $(TIMELINE)/page.css; \
	      asset js "$(TIMELINE_SCRIPTS)"; } > $@

$(OBJ)/generated/%.o: $(BUILD)/generated/%.c $(OBJ)/flags
	$(Q)mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(COMPILE) -c $< -o $@

$(ARCHIVE): $(LIBRARY_OBJECTS)
	@echo "  AR   $@"
	$(Q)mkdir -p $(@D)
	$(Q)rm -f $@
	$(Q)ar rcs $@ $^

$(SHARED): $(LIBRARY_OBJECTS) tools/exports.map
	@echo "  LD   $@"
	$(Q)$(CC) -shared $(HARDENING_LINK) $(CFLAGS) $(LDFLAGS) -Wl,-soname,$(SONAME) -Wl,-z,defs \
	    -Wl,--version-script=tools/exports.map $(LIBRARY_OBJECTS) $(LIBS) -o $@

define link_program
	@echo "  LD   $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK) $(filter %.o %.a,$^) $1 $(LIBS) -o $@
endef

$(PROGRAM): $(PROGRAM_OBJECTS) $(ARCHIVE)
	$(call link_program,-lfyaml -lcurl)

$(FAULT_TESTS): $(OUT)/tests/%: $(OBJ)/tests/unit/%.o $(HELPER_OBJECTS) $(FAULT_OBJECTS)
	$(call link_program,-lcmocka)

# The daemon's parsers are not in the library.
$(OUT)/tests/test_serve_parse: $(call object,$(addprefix daemon/,http.c resp.c text.c address.c))

$(OUT)/tests/test_serve_watch: $(call object,daemon/watch.c)

$(UNIT_TESTS): $(OUT)/tests/%: $(OBJ)/tests/unit/%.o $(HELPER_OBJECTS) $(ARCHIVE)
	$(call link_program,-lcmocka)

$(EXAMPLES): $(OUT)/examples/%: $(OBJ)/examples/%.o $(ARCHIVE)
	$(call link_program)

$(BENCHES): $(OUT)/bench/%: $(OBJ)/bench/%.o $(ARCHIVE)
	$(call link_program)

# ---- Fuzzing: clang, with objects of their own -------------------------------------------------
FUZZ_OBJ := $(BUILD)/obj/fuzz
FUZZ_COMPILE = $(FUZZ_CC) -std=c11 -g -O1 -fsanitize=fuzzer-no-link,address,undefined \
               -fno-sanitize-recover=all $(DEFINES) $(LIBRARY_CFLAGS)
FUZZ_LIBRARY := $(patsubst %.c,$(FUZZ_OBJ)/%.o,$(LIBRARY_SOURCES)) \
                $(FUZZ_OBJ)/generated/timeline_assets.o
FUZZ_CHOSEN := $(if $(C),$(BUILD)/fuzz/fuzz_$(C),$(FUZZERS))
T ?= 60

$(FUZZ_OBJ)/flags: FORCE
	$(call flags_file,$(FUZZ_COMPILE))

$(FUZZ_OBJ)/%.o: %.c $(FUZZ_OBJ)/flags
	$(Q)mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(FUZZ_COMPILE) -MMD -MP -c $< -o $@

$(FUZZ_OBJ)/generated/%.o: $(BUILD)/generated/%.c $(FUZZ_OBJ)/flags
	$(Q)mkdir -p $(@D)
	@echo "  CC   $@"
	$(Q)$(FUZZ_COMPILE) -c $< -o $@

$(BUILD)/fuzz/fuzz_serve: $(patsubst %,$(FUZZ_OBJ)/daemon/%.o,http resp text address)

$(FUZZERS): $(BUILD)/fuzz/%: $(FUZZ_OBJ)/fuzz/%.o $(FUZZ_LIBRARY)
	@echo "  LD   $@"
	$(Q)mkdir -p $(@D)
	$(Q)$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $(filter %.o,$^) $(LIBS) -o $@

# New inputs go to build/; the corpus in the repository only seeds them.
run-fuzz: $(FUZZ_CHOSEN)
	$(Q)set -e; for fuzzer in $^; do \
	    name=$${fuzzer##*/fuzz_}; \
	    mkdir -p $(BUILD)/fuzz/corpus-$$name fuzz/corpus/$$name; \
	    echo "fuzzing $$name for $(T) seconds"; \
	    $$fuzzer -max_total_time=$(T) -timeout=10 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/fuzz/$$name- \
	        $(BUILD)/fuzz/corpus-$$name fuzz/corpus/$$name; \
	done

# Objects are kept although only implicit rules name some of them.
.SECONDARY:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# Builds, installs, tests and runs the server that ./configure has chosen.
# Works in the source tree and, through the small Makefile that configure writes, in any other directory.

srcdir ?= .
-include build/config.mk
NODE ?= node
progname ?= httpd
npm = cd $(srcdir) && npm
esbuild_here = $(NODE) node_modules/esbuild/bin/esbuild --bundle --platform=node --format=esm --packages=external

all: configured
	@$(NODE) build/make.mjs all

install: all
	@DESTDIR='$(DESTDIR)' $(NODE) build/make.mjs install

# Runs the server in the foreground until it is stopped with ^C.
run: all
	./$(progname) -D FOREGROUND

configured:
	@test -f build/config.mk && test -f build/make.mjs || \
	  { echo "make: there is no configured server here: run ./configure first" >&2; exit 1; }

# The packages that only checking and testing need.
devdeps:
	@test -d $(srcdir)/node_modules/tap && test -d $(srcdir)/node_modules/@types/memjs || \
	  ($(npm) ci --ignore-scripts --no-fund --no-audit)

test: devdeps
	cd $(srcdir) && { npx tsc --noEmit -p . & types=$$!; npx eslint .; style=$$?; wait $$types && exit $$style; }
	cd $(srcdir) && $(NODE) test/run.mjs

test-long: devdeps
	@cd $(srcdir) && if test -f test/run-long.ts; then \
	  $(esbuild_here) test/run-long.ts --outfile=build/run-long.mjs --log-level=warning && \
	  $(NODE) build/run-long.mjs; \
	else echo "make: this version has no long tests (test/run-long.ts)" >&2; exit 1; fi

# Measures this server, which it builds for itself, and others that are installed: docs/benchmark.md.
# WHAT="small log" are the workloads; all of them without it.
bench:
	@test -d $(srcdir)/node_modules/esbuild || ($(npm) ci --omit=dev --ignore-scripts --no-fund --no-audit)
	@cd $(srcdir) && $(esbuild_here) bench/run.ts --outfile=build/bench.mjs --log-level=warning && \
	  WHAT='$(WHAT)' $(NODE) build/bench.mjs

# Removes what make made; configure's files stay.
clean:
	rm -rf dist/lib dist/bin dist/modules/*.so $(progname) build/httpd.sum build/code build/code-installed build/bench.mjs build/run-long.mjs build/test

# Removes what configure made, too: the tree is as it came, but for node_modules.
distclean: clean
	rm -rf build config.log config.nice config.status config.cache
	find dist -mindepth 1 ! -name .gitignore -delete 2>/dev/null || true
	@if test "$(srcdir)" != . && head -n 1 Makefile | grep -q 'Made by configure'; then rm -rf Makefile dist; fi

.PHONY: all install run configured devdeps test test-long bench clean distclean

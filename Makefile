# The commands of this project. Each installs what it needs (Debian 12, apt) only when it is missing.
#
#   make demo     build and show the router at work
#   make test     build and run the quick tests
#   make help     all of them

BUILD := build
JOBS := $(shell nproc 2>/dev/null || echo 2)
BUILD_PACKAGES := g++ cmake ninja-build ccache pkg-config libdnnl-dev ocl-icd-opencl-dev libhwy-dev nlohmann-json3-dev \
                  libsimdjson-dev libcli11-dev libfmt-dev libexpected-dev libssl-dev libcurl4-openssl-dev zlib1g-dev \
                  libgtest-dev libopenblas-dev liblapacke-dev libsqlite3-dev libboost1.81-dev libtomlplusplus-dev
FORMATTED := git ls-files '*.cc' '*.h'

.DEFAULT_GOAL := help
.PHONY: help demo test build configure packages ci format clean

help:
	@echo "make demo      build, then route some conversations with the embedded tiny router"
	@echo "make test      build, then run the quick tests"
	@echo "make build     build/bin/trinity and everything else"
	@echo "make ci        everything that is checked before a change lands (minutes)"
	@echo "make format    lay out all C++ sources with clang-format"
	@echo "make clean     remove build/"

demo: configure
	@cmake --build --preset release --parallel $(JOBS) --target trinity
	@$(BUILD)/bin/trinity demo

test: build
	@ctest --test-dir $(BUILD) --output-on-failure --label-exclude slow --parallel $(JOBS)

build: configure
	@cmake --build --preset release --parallel $(JOBS)

configure: packages
	@test -f $(BUILD)/build.ninja || cmake --preset release

packages:
	@tools/install_packages.sh $(BUILD_PACKAGES)

ci:
	@bash .ci/run

format:
	@tools/install_packages.sh clang-format
	@$(FORMATTED) | xargs clang-format -i

clean:
	rm -rf $(BUILD)

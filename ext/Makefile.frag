CARGO_PROFILE = release
CARGO_TARGET_DIR = $(builddir)/target
# Cargo names the folder of its profile "dev" otherwise.
ossa_folder = $(CARGO_TARGET_DIR)/$(CARGO_PROFILE:dev=debug)

.PHONY: ossa-library
ossa-library:
	PHP="$(PHP_EXECUTABLE)" PHP_CONFIG="$$(command -v $(PHP_CONFIG))" $(CARGO) build --locked --profile $(CARGO_PROFILE) \
		--manifest-path "$$(cd "$(srcdir)" && pwd -P)/Cargo.toml" --target-dir "$(CARGO_TARGET_DIR)"

$(phplibdir)/ossa.so: ossa-library
	@mkdir -p $(phplibdir)
	install -m 755 "$(ossa_folder)/libossa.so" "$@"

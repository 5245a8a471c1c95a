dnl For phpize, and so for PIE: hands the build to Cargo.
PHP_ARG_ENABLE([ossa],
  [whether to enable the OSSA runtime],
  [AS_HELP_STRING([--enable-ossa], [Enable the OSSA runtime])],
  [yes])

if test "$PHP_OSSA" != "no"; then
  AC_PATH_PROG([CARGO], [cargo], [no], [$PATH:$HOME/.cargo/bin])
  if test "$CARGO" = "no"; then
    AC_MSG_ERROR([cargo was not found: install Rust (https://rustup.rs)])
  fi
  PHP_SUBST([CARGO])
  PHP_SUBST([PHP_CONFIG])
  install_modules="install-modules"
  PHP_MODULES="$PHP_MODULES \$(phplibdir)/ossa.so"
  PHP_ADD_MAKEFILE_FRAGMENT([$abs_srcdir/Makefile.frag], [$abs_srcdir], [$abs_builddir])
fi

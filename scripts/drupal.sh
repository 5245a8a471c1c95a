# The Drupal site that OSSA_DRUPAL names, and this clone's module in it. Source it after lib.sh; it runs nothing.
# shellcheck shell=bash

module_path=modules/custom/ossa_eca

drupal_version() { sed -nE "s/.*const VERSION = '(.*)';/\1/p" "$OSSA_DRUPAL/core/lib/Drupal.php" 2>/dev/null || true; }

# The path of one of the tools that drupal/core-dev brings.
drupal_tool() {
    local folder
    for folder in "$OSSA_DRUPAL/vendor/bin" "$OSSA_DRUPAL/../vendor/bin"; do
        [ ! -x "$folder/$1" ] || { printf '%s\n' "$folder/$1"; return; }
    done
    return 1
}

# Says why a tool cannot be used on the site; fails when it can.
drupal_problem() {
    if [ -z "${OSSA_DRUPAL:-}" ]; then
        echo "OSSA_DRUPAL names no Drupal site"
    elif [ ! -f "$OSSA_DRUPAL/core/lib/Drupal.php" ]; then
        echo "$OSSA_DRUPAL holds no Drupal core"
    elif ! drupal_tool "$1" >/dev/null; then
        echo "the site in $OSSA_DRUPAL has no $1 (drupal/core-dev brings it)"
    else
        return 1
    fi
}

# Puts the module into the site, where it is not already.
drupal_link() {
    local place="$OSSA_DRUPAL/$module_path"
    [ "$(readlink -f "$place")" != "$root/drupal-module" ] || return 0
    [ ! -e "$place" ] || die "$place is another ossa_eca: take it away, or name another site"
    mkdir -p "$(dirname "$place")"
    ln -sfn "$root/drupal-module" "$place"
    drupal_linked="$place"
}
drupal_unlink() { [ -z "${drupal_linked:-}" ] || rm -f "$drupal_linked"; }

drupal_test_names() {
    find "$root/drupal-module/tests/src" -name '*Test.php' -printf '%P\n' | sort | sed 's#\.php$##; s#/#\\#g; s#^#Drupal\\Tests\\ossa_eca\\#'
}

# What a log of scripts/drupal-tests says was skipped, in the words of PHPUnit 9 to 11.
drupal_skips() {
    awk '/^(There (was|were) |OK|FAILURES|ERRORS|--$)/ {skips = /skipped test/}
        skips && /^[0-9]+\) / {name = $2; getline; print "skipped: " name " because " $0}'
}

#!/usr/bin/env bash
# CLI11 reads a positional argument that stands in brackets as a list: one argument of the shell becomes several values, or another one.
#
# Package: libcli11-dev 2.1.2+ds-1 (Debian 12), and the system's C++ compiler.
# Seen:    a positional of type std::vector<std::string>, given the arguments  [a,b]  [x]  c , has four values: a, b, x, c. A brace or a
#          bracket on one side alone is left as it is.
# Why it matters: the text of a TXT record, or a file's name, may stand in brackets (RFC 1035 section 3.3.14 lets a character-string
#          hold any octet). A tool that passes its arguments on stores another record than it was given, and nothing tells.
#
# Exit code 0: still so. 1: CLI11 does otherwise now. 2: could not tell.
set -euo pipefail
version=2.1.2+ds-1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
apt-get download "libcli11-dev=$version" >/dev/null || exit 2
dpkg -x ./*.deb root
cat >list.cc <<'CC'
#include <CLI/CLI.hpp>
#include <iostream>
int main(int argc, char** argv) {
    CLI::App app;
    std::vector<std::string> values;
    app.add_option("values", values);
    CLI11_PARSE(app, argc, argv);
    for (const std::string& value : values) std::cout << value << '\n';
}
CC
c++ -std=c++17 -I root/usr/include list.cc -o list || exit 2
got=$(./list '[a,b]' '[x]' c '[d' | tr '\n' ' ')
echo "[a,b] [x] c [d -> $got"
[ "$got" = "a b x c [d " ] || exit 1
echo "as described"

#!/bin/sh
# run-fuzz.sh FUZZER SEED [SECONDS]: fuzzes for a minute from the seeds beside SEED. New inputs go to a folder that is removed.
set -eu
fuzzer=$(realpath "$1")
seeds=$(dirname "$(realpath "$2")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/corpus"
cd "$work"
"$fuzzer" -max_total_time="${3:-60}" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 "$work/corpus" "$seeds" 2>"$work/log" || {
  tail -60 "$work/log"
  for input in crash-* leak-* timeout-* oom-*; do
    [ -e "$input" ] && echo "input that broke it, in base64:" && base64 "$input"
  done
  exit 1
}
grep -E "stat::number_of_executed_units|DONE" "$work/log"

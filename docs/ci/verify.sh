#!/bin/sh
# Repeats a plan and compares every number with stored results: exit 0 where all agree, 1 where one
# differs (the table says which, by how much, and what else differs), 2 where the plan cannot run.
# usage: verify.sh PLAN REPORT
set -eu
plan=${1:?usage: verify.sh PLAN REPORT}
report=${2:?usage: verify.sh PLAN REPORT}
status=0
trdstats verify "$plan" --results "$report" >verify.txt 2>&1 || status=$?
cat verify.txt
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  { printf '```\n'; cat verify.txt; printf '```\n'; } >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"

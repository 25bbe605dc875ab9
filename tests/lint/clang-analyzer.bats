# The analyzer behind scan-build, which takes minutes where the others take seconds: a job of its own.

bats_require_minimum_version 1.5.0

load lint.bash

# The command, without a check that takes for open what the cleanup attribute closes (tools/lib/base/cleanup.h),
# if this clang's does: that of 19 and 21; 14 has none, and fails where one is left out that it does not have.
setup() {
    read_cc_flags
    analyze=(clang --analyze "${cc_flags[@]}" -o /dev/null)
    closed=$BATS_TEST_TMPDIR/closed.c
    cat >"$closed" <<'SOURCE'
#include "base/cleanup.h"
int closed(void);
int closed(void)
{
	cleanup_file FILE *file = fopen("/etc/passwd", "re");

	return file ? fgetc(file) : 0;
}
SOURCE
    if "${analyze[@]}" "$closed" 2>&1 | grep -F '[unix.Stream]'; then
        analyze+=(-Xclang -analyzer-disable-checker=unix.Stream)
    fi
}

@test "clang --analyze" {
    each "${analyze[@]}" {}
}

@test "a stream that is closed by its attribute is no fault to it" {
    run -0 "${analyze[@]}" "$closed"
    [ -z "$output" ]
}

@test "it is heard where it sees something" {
    cat >"$BATS_TEST_TMPDIR/wrong.c" <<'SOURCE'
int wrong(int x);
int wrong(int x)
{
	int stored = x;

	stored = 2;
	return x;
}
#include <stdlib.h>
void *freed(void);
void *freed(void)
{
	void *p = malloc(1);

	free(p);
	return p;
}
SOURCE
    run -0 "${analyze[@]}" "$BATS_TEST_TMPDIR/wrong.c"
    [[ $output == *"[deadcode.DeadStores]"* && $output == *"[unix.Malloc]"* ]]
}

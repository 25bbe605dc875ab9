# The analyzer behind scan-build, which takes minutes where the others take seconds: a job of its own.

bats_require_minimum_version 1.5.0

load lint.bash

@test "clang --analyze" {
    each clang --analyze "${cc_flags[@]}" -o /dev/null {}
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
SOURCE
    run -0 clang --analyze -o /dev/null "$BATS_TEST_TMPDIR/wrong.c"
    [[ $output == *"[deadcode.DeadStores]"* ]]
}

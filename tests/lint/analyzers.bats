# What analyzers see without running anything: nothing.

bats_require_minimum_version 1.5.0

load lint.bash

@test "gcc -fanalyzer" {
    # gcc 12 takes a variable with the cleanup attribute for uninitialized once it has folded its NULL, or
    # "0" for freed twice.
    each gcc "${cc_flags[@]}" -O1 -fanalyzer -Wno-analyzer-use-of-uninitialized-value -Wno-analyzer-double-free \
        -c -o /dev/null {}
}

@test "clang-tidy" {
    each clang-tidy --quiet {} -- "${cc_flags[@]}"
}

@test "cppcheck" {
    # It knows neither die(), which does not return, nor any other processor.
    each cppcheck -q --enable=warning,performance,portability --std=c11 --suppress=missingInclude \
        --suppress=nullPointerRedundantCheck --suppress=nullPointerArithmeticRedundantCheck \
        --suppress=ctunullpointer --suppress=unknownMacro -D__x86_64__ -D_GNU_SOURCE '-DVERSION="0"' \
        '-DVENDOR_CONF="/qemu.conf"' -Itools/lib {}
}

@test "what was clean is looked at again once it has changed" {
    echo 'echo "$1"' >"$BATS_TEST_TMPDIR/script"
    kept=$BATS_TEST_TMPDIR/kept
    mkdir "$kept"
    look() { sha256sum "$BATS_TEST_TMPDIR/script" | looked_at shellcheck -s sh {}; }
    look
    [ "$(ls "$kept" | wc -l)" -eq 1 ]
    # It is not asked a second time: this one would say something.
    shellcheck() { [ "$1" != --version ] || command shellcheck --version; }
    look
    unset -f shellcheck
    echo 'echo $1' >"$BATS_TEST_TMPDIR/script"
    run -1 look
    [[ $output == *SC2086* ]]
    run -1 look
    [ "$(ls "$kept" | wc -l)" -eq 1 ]
}

@test "an analyzer that sees something is heard" {
    cat >"$BATS_TEST_TMPDIR/wrong.c" <<'END'
int branch(int x);
int branch(int x)
{
	if (x)
		return 1;
	else
		return 1;
}
int null(void);
int null(void)
{
	int *p = 0;
	return *p;
}
END
    run gcc -O1 -fanalyzer -c -o /dev/null "$BATS_TEST_TMPDIR/wrong.c"
    [[ $output == *"-Wanalyzer-null-dereference"* ]]
    run -1 clang-tidy --quiet --config-file=.clang-tidy "$BATS_TEST_TMPDIR/wrong.c" --
    run ! cppcheck -q --error-exitcode=1 "$BATS_TEST_TMPDIR/wrong.c"
}

# Every shell script, by its first line, and what bats and others source.
scripts() {
    git ls-files -z --cached --others --exclude-standard | xargs -0 grep -lE '^#!(/bin/(ba)?sh|/usr/bin/env bats)'
    git ls-files --cached --others --exclude-standard '*.bats' '*.bash'
}

@test "shellcheck" {
    scripts | sort -u >"$BATS_TEST_TMPDIR/scripts"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/scripts")" -gt 50 ]
    # In tests, words without quotes are a matter of taste.
    grep -E '\.bats|\.bash' "$BATS_TEST_TMPDIR/scripts" | xargs sha256sum | looked_at shellcheck -S warning {}
    grep -vE '\.bats|\.bash' "$BATS_TEST_TMPDIR/scripts" | xargs sha256sum | looked_at shellcheck {}
}

@test "mandoc -T lint, of every manual" {
    # That of the auditor as it is built too, with its catalogue.
    for manual in tools/man/*.[0-9] "$VP_BUILD"/man/*.[0-9]; do
        run -0 mandoc -T lint -W warning "$manual"
        [ -z "$output" ]
    done
}

@test "the sources are laid out as .clang-format says" {
    clang-format --dry-run -Werror tools/*.c tools/completion/*.c tools/bpf/*.[ch] tools/man/*.c tools/lib/*/*.[ch] tests/*/*.[ch]
}

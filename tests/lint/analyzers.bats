# What analyzers see without running anything: nothing.

bats_require_minimum_version 1.5.0

load lint.bash

@test "gcc -fanalyzer" {
    each tests/lint/fanalyzer {} "${cc_flags[@]}"
}

@test "clang-tidy" {
    each clang-tidy --quiet {} -- "${cc_flags[@]}"
}

@test "cppcheck" {
    # It knows neither die(), which does not return, nor any other processor; and some versions say of each long
    # function that they do not follow all of its branches.
    each cppcheck -q --enable=warning,performance,portability --std=c11 --suppress=missingInclude \
        --suppress=nullPointerRedundantCheck --suppress=nullPointerArithmeticRedundantCheck \
        --suppress=ctunullpointer --suppress=unknownMacro --suppress=normalCheckLevelMaxBranches -D__x86_64__ -D_GNU_SOURCE '-DVERSION="0"' \
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
    run -0 tests/lint/fanalyzer "$BATS_TEST_TMPDIR/wrong.c"
    [[ $output == *"In function 'null'"*"-Wanalyzer-null-dereference"* ]]
    run -1 clang-tidy --quiet --config-file=.clang-tidy "$BATS_TEST_TMPDIR/wrong.c" --
    run ! cppcheck -q --error-exitcode=1 "$BATS_TEST_TMPDIR/wrong.c"
}

@test "what gcc -fanalyzer takes for a fault is passed over in the function that is listed, and nowhere else" {
    [ "$(gcc -dumpversion)" -ge 13 ] || skip "gcc $(gcc -dumpversion) sees no descriptors"
    mkdir -p "$BATS_TEST_TMPDIR/tools/lib/base"
    cd "$BATS_TEST_TMPDIR"
    for function in io_replace_fd other; do
        printf '#include <unistd.h>\nint %s(int from, int to);\n' "$function"
        printf 'int %s(int from, int to)\n{\n\treturn dup2(from, to) == to;\n}\n' "$function"
    done >tools/lib/base/io.c
    run -0 "$BATS_TEST_DIRNAME/fanalyzer" tools/lib/base/io.c
    [ "$(grep -c 'warning: ' <<<"$output")" -eq 1 ]
    [[ $output == *"In function 'other'"*"io.c:11:"*"-Wanalyzer-fd-leak"* ]]
    [[ $output != *"'io_replace_fd'"* ]]
    echo 'extern int nothing;' >tools/lib/base/io.c
    run -0 "$BATS_TEST_DIRNAME/fanalyzer" tools/lib/base/io.c
    [ "$output" = "tools/lib/base/io.c:io_replace_fd [-Wanalyzer-fd-leak]: is listed in tests/lint/fanalyzer, and not seen" ]
}

# files: all of the sources, each with a NUL. What is copied into the root of another release is no repository.
files() {
    if [ -e .git ]; then
        git ls-files -z --cached --others --exclude-standard
    else
        find . -path ./build -prune -o -type f -print0
    fi
}

# Every shell script, by its first line, and what bats and others source.
scripts() {
    files | xargs -0 grep -lE '^#!(/bin/(ba)?sh|/usr/bin/env bats)'
    files | tr '\0' '\n' | grep -E '\.(bats|bash)$'
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
        # The first word of a heading would be one of mdoc's macros, as In is.
        mandoc -T ascii "$manual" | sed 's/.\x08//g' >"$BATS_TEST_TMPDIR/page"
        run -1 grep -nE '^( {3})?[^[:alnum:] ]' "$BATS_TEST_TMPDIR/page"
    done
}

@test "the sources are laid out as .clang-format says" {
    clang-format --dry-run -Werror tools/*.c tools/completion/*.c tools/bpf/*.[ch] tools/man/*.c tools/lib/*/*.[ch] tests/*/*.[ch]
}

# Lines of the tests that never fail, whatever they find.

bats_require_minimum_version 1.5.0

@test "no line of a test, or of what tests share, fails without effect" {
    # shellcheck disable=SC2046 # no name has a blank
    run -0 tests/lint/unchecked $(find tests -name '*.bats' -o -name '*.bash')
    [ "$output" = "" ]
}

# in_test LINE...: of a test with these lines, what fails without effect.
in_test() {
    printf '%s\n' '@test "it" {' "$@" '}' >"$BATS_TEST_TMPDIR/a.bats"
    run tests/lint/unchecked "$BATS_TEST_TMPDIR/a.bats"
    echo "$output"
    output=${output#*'"it": '}
}

@test "a list or a ! that is not the last one of its function, subshell or branch is named, with the test" {
    while read -r body; do
        in_test "$(printf '%b' "$body")"
        [ "$status" -eq 1 ]
        [ "$output" = "${body%%'\n'*}" ]
    done <<'END'
[ -e a ] && [ -e b ];\ntrue
[[ -e a && -e b ]] && [ -e c ];\ntrue
! cmp -s a b;\ntrue
! true | false;\nif a; then b; fi
mkdir a && touch a/b;\ntrue
[ "$(cat 'a')" = '"' ] && true;\ntrue
END
    in_test 'for i in a b; do [ -e a ] &&' '[ -e b ]' 'done'
    [ "$output" = '[ -e a ] && [ -e b ];' ]
    in_test 'case a in' 'a) [ -e a ] && [ -e b ] ;;' 'esac' true
    [ "$output" = '[ -e a ] && [ -e b ]' ]
    in_test '{ cat a && echo b; } >c' true
    [ "$output" = 'cat a && echo b' ]
    printf '%s\n' 'shared() {' '[ a ] && [ b ]' 'true' '}' >"$BATS_TEST_TMPDIR/a.bash"
    run -1 tests/lint/unchecked "$BATS_TEST_TMPDIR/a.bash"
    [ "$output" = "$BATS_TEST_TMPDIR/a.bash: shared: [ a ] && [ b ];" ]
}

@test "what fails, is the function's status, or asks on purpose, is not named" {
    in_test 'true' '[ -e a ] && [ -e b ]'
    [ "$status" -eq 0 ]
    in_test 'case a in' 'a) [ -e a ] && [ -e b ] ;;' '*) false ;;' 'esac'
    [ "$status" -eq 0 ]
    in_test '[[ -e a && -e b ]]' '(cd a && touch b)' '[ -e a ] || [ -e b ] && c' '[ -e a ] && return' 'echo a && false' \
        'if [ -e a ] && ! [ -e b ]; then true; fi' "sh -c 'cd a && touch b'" 'echo "$(cd a && pwd)"' '{ a && b; } || false' \
        'cat <<END' 'cd a && touch b' END 'a && b & wait' true
    [ "$status" -eq 0 ]
    [ "$output" = "" ]
}

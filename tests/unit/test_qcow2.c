/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Headers of qcow2 images: those of qemu-img's making, cut short, and lying. */
#include "base/log.h"
#include "qemu/qcow2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static unsigned char image[QCOW2_HEADER_MAX];

static void put32(size_t at, uint32_t value)
{
	for (size_t i = 0; i < 4; i++)
		image[at + i] = (unsigned char)(value >> (24 - 8 * i));
}

static void put_extension(size_t *at, uint32_t type, const char *data)
{
	put32(*at, type);
	put32(*at + 4, (uint32_t)strlen(data));
	memcpy(image + *at + 8, data, strlen(data));
	*at += 8 + ((strlen(data) + 7) & ~(size_t)7);
}

/* A header of that version, with what is not NULL. */
static void make(unsigned version, const char *backing, const char *format, const char *data)
{
	size_t at = version == 2 ? 72 : 104;

	memset(image, 0, sizeof image);
	put32(0, 0x514649fb);
	put32(4, version);
	if (version == 3)
		put32(100, 104);
	if (format)
		put_extension(&at, 0xe2792aca, format);
	if (data)
		put_extension(&at, 0x44415441, data);
	/* One that nobody knows is skipped. */
	put_extension(&at, 0x12345678, "unknown");
	put_extension(&at, 0, "");
	if (backing) {
		put32(12, (uint32_t)at);
		put32(16, (uint32_t)strlen(backing));
		memcpy(image + at, backing, strlen(backing));
	}
}

static void expect(const char *backing, const char *format, const char *data)
{
	struct qcow2 header;
	char *error = NULL;

	assert_true(qcow2_parse(image, sizeof image, &header, &error));
	const char *const got[] = {header.backing, header.backing_format, header.data_file};
	const char *const wanted[] = {backing, format, data};
	for (size_t i = 0; i < 3; i++) {
		if (wanted[i])
			assert_string_equal(got[i], wanted[i]);
		else
			assert_null(got[i]);
	}
	qcow2_free(&header);
}

static void expect_error(size_t length)
{
	struct qcow2 header;
	char *error = NULL;

	assert_false(qcow2_parse(image, length, &header, &error));
	assert_non_null(error);
	assert_null(header.backing);
	free(error);
}

static void test_names(void **state)
{
	(void)state;
	for (unsigned version = 2; version <= 3; version++) {
		make(version, NULL, NULL, NULL);
		expect(NULL, NULL, NULL);
		make(version, "base.raw", "raw", NULL);
		expect("base.raw", "raw", NULL);
		make(version, "json:{\"file\":1}", NULL, "/images/data");
		expect("json:{\"file\":1}", NULL, "/images/data");
	}
}

static void test_cut_short(void **state)
{
	(void)state;
	make(3, "base.raw", "raw", "data");
	/* Behind the name everything is there that names anything. */
	size_t whole = 0;
	for (size_t i = 0; i < sizeof image; i++)
		if (image[i])
			whole = i + 1;
	for (size_t length = 0; length < whole; length++)
		expect_error(length);
}

static void test_lies(void **state)
{
	(void)state;
	make(3, "base", NULL, NULL);
	put32(8, 0xffffffff);
	expect_error(sizeof image);
	make(3, "base", NULL, NULL);
	put32(16, 1024);
	expect_error(sizeof image);
	make(3, "base", NULL, NULL);
	put32(100, 103);
	expect_error(sizeof image);
	make(3, "base", NULL, NULL);
	put32(100, 0xffffffff);
	expect_error(sizeof image);
	make(3, "base", NULL, NULL);
	put32(104 + 4, 0xfffffff0);
	expect_error(sizeof image);
	make(4, "base", NULL, NULL);
	put32(4, 1);
	expect_error(sizeof image);
	make(2, "base", NULL, NULL);
	image[0] = 'q';
	expect_error(sizeof image);
	/* A name that a C string could not hold. */
	make(2, "base", NULL, NULL);
	put32(16, 6);
	expect_error(sizeof image);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_lies),
	};

	log_init("test_qcow2", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}

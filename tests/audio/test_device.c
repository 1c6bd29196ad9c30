/* How a name finds a device. */
#include "audio/device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct device devices[] = {
	{.index = 0, .name = (char[]){"HDA Intel PCH: ALC257 Analog (hw:0,0)"}},
	{.index = 3, .name = (char[]){"Yeti Nano: USB Audio (hw:1,0)"}},
	{.index = 4, .name = (char[]){"Yeti Nano: USB Audio (hw:2,0)"}},
	{.index = 7, .name = (char[]){"pulse"}},
	{.index = 8, .name = (char[]){"default"}, .is_default = true},
	{.index = 9, .name = (char[]){"3"}},
};
static const struct device_list list = {devices, sizeof(devices) / sizeof(devices[0])};

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(device_find(&list, NULL), &devices[4]);
	assert_ptr_equal(device_find(&list, ""), &devices[4]);
	assert_ptr_equal(device_find(&list, "Default"), &devices[4]);
	assert_ptr_equal(device_find(&list, "pulse"), &devices[3]);
	assert_ptr_equal(device_find(&list, "yeti"), &devices[1]);
	assert_ptr_equal(device_find(&list, "yeti nano: usb audio (hw:2,0)"), &devices[2]);
	assert_ptr_equal(device_find(&list, "7"), &devices[3]);
	/* A whole name wins over an index. */
	assert_ptr_equal(device_find(&list, "3"), &devices[5]);
	assert_ptr_equal(device_find(&list, "alc257"), &devices[0]);
	assert_null(device_find(&list, "webcam"));
	assert_null(device_find(&list, "-1"));
	/* No device has index 5, and no name has a 5 but the first. */
	assert_ptr_equal(device_find(&list, "5"), &devices[0]);
}

static void test_find_again(void **state)
{
	(void)state;
	assert_ptr_equal(device_find_again(&list, "Yeti Nano: USB Audio (hw:2,0)"), &devices[2]);
	assert_ptr_equal(device_find_again(&list, "Yeti Nano: USB Audio (hw:5,0)"), &devices[1]);
	assert_ptr_equal(device_find_again(&list, "pulse"), &devices[3]);
	assert_null(device_find_again(&list, "Yeti Nano"));
	assert_null(device_find_again(&list, "puls"));
}

static void test_empty(void **state)
{
	(void)state;
	struct device_list none = {0};

	assert_null(device_find(&none, NULL));
	assert_null(device_find(&none, "0"));
	assert_null(device_find_again(&none, "pulse"));
	device_list_finish(&none);
}

static void check_rates(unsigned own, unsigned wanted, const unsigned *expected)
{
	struct device device = {.rate = own};
	unsigned rates[DEVICE_RATES];
	size_t n = device_rates(&device, wanted, rates);

	for (size_t i = 0; i < n; i++)
		assert_int_equal(rates[i], expected[i]);
	assert_int_equal(expected[n], 0);
}

static void test_rates(void **state)
{
	(void)state;
	/* What PortAudio says of a sound server. */
	check_rates(44100, 16000, (unsigned[]){48000, 32000, 96000, 16000, 44100, 8000, 0});
	check_rates(48000, 16000, (unsigned[]){48000, 32000, 96000, 16000, 44100, 8000, 0});
	/* A headset: nothing to convert. */
	check_rates(16000, 16000, (unsigned[]){16000, 48000, 32000, 96000, 44100, 8000, 0});
	check_rates(11025, 16000, (unsigned[]){48000, 32000, 96000, 16000, 11025, 44100, 8000, 0});
	check_rates(44100, 22050, (unsigned[]){44100, 22050, 48000, 32000, 96000, 16000, 8000, 0});
	check_rates(44100, 0, (unsigned[]){44100, 48000, 32000, 96000, 16000, 8000, 0});
	check_rates(0, 8000, (unsigned[]){48000, 32000, 96000, 8000, 16000, 44100, 0});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_again),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_rates),
	};

	return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}

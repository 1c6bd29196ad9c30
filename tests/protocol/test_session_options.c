/* Options of a session: each field, each wrong value by name, laying over. */
#include "protocol/json_fields.h"
#include "protocol/session_options.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct session_options *out, struct problem *problem)
{
	cJSON *json = cJSON_Parse(text);

	assert_non_null(json);
	problem->text[0] = '\0';
	int status = session_options_parse(json, "heard-set", out, problem);
	cJSON_Delete(json);
	return status;
}

static void assert_prints(const struct session_options *options, const char *wanted)
{
	cJSON *json = cJSON_CreateObject();

	assert_int_equal(session_options_print(options, json), 0);
	char *text = cJSON_PrintUnformatted(json);
	assert_string_equal(text, wanted);
	cJSON_free(text);
	cJSON_Delete(json);
}

/* Read, then printed: the same, or `wanted`. */
static void assert_keeps(const char *text, const char *wanted)
{
	struct session_options options;
	struct problem problem;

	assert_int_equal(parse(text, &options, &problem), 0);
	assert_prints(&options, wanted ? wanted : text);
}

static void test_fields(void **state)
{
	(void)state;
	assert_keeps("{}", NULL);
	assert_keeps("{\"language\":\"de\"}", NULL);
	assert_keeps("{\"language\":\"\"}", NULL);
	assert_keeps("{\"final\":\"stream\"}", NULL);
	assert_keeps("{\"final\":\"offline\"}", NULL);
	assert_keeps("{\"partials\":false,\"partial_interval\":0.25,\"words\":true}", NULL);
	assert_keeps("{\"endpoint\":true}", NULL);
	assert_keeps("{\"endpoint\":false}", NULL);
	assert_keeps("{\"endpoint\":{}}", "{\"endpoint\":true}");
	assert_keeps(
		"{\"endpoint\":{\"silence_no_text\":5,\"silence_text\":0.7,\"max_length\":20}}",
		NULL);
	assert_keeps(
		"{\"language\":null,\"final\":null,\"partials\":null,\"partial_interval\":null,"
		"\"words\":null,\"endpoint\":null,\"hotwords\":[1]}",
		"{}");
	assert_keeps("{\"endpoint\":{\"silence_text\":null,\"x\":1}}", "{\"endpoint\":true}");
	assert_keeps("{\"beam\":16,\"commit_delay\":0.5,\"lm\":false}", NULL);
	assert_keeps("{\"nbest\":0}", NULL);
	assert_keeps("{\"lm\":{\"alpha\":0.25,\"beta\":-1.5}}", NULL);
	assert_keeps("{\"lm\":{}}", "{\"lm\":true}");
}

static void test_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *text, *problem;
	} cases[] = {
		{"{\"language\":5}", "heard-set.language: must be a string"},
		{"{\"language\":\"0123456789012345678901234567890123456789012345678901234567890123\"}",
		 "heard-set.language: is too long"},
		{"{\"final\":\"fast\"}", "heard-set.final: must be \"stream\" or \"offline\""},
		{"{\"partials\":1}", "heard-set.partials: must be true or false"},
		{"{\"partial_interval\":-1}",
		 "heard-set.partial_interval: must be a number from 0 to 3600"},
		{"{\"partial_interval\":1e999}",
		 "heard-set.partial_interval: must be a number from 0 to 3600"},
		{"{\"words\":\"yes\"}", "heard-set.words: must be true or false"},
		{"{\"endpoint\":1}", "heard-set.endpoint: must be true, false or an object"},
		{"{\"endpoint\":{\"silence_no_text\":\"1\"}}",
		 "heard-set.endpoint.silence_no_text: must be a number from 0 to 3600"},
		{"{\"endpoint\":{\"silence_text\":-0.1}}",
		 "heard-set.endpoint.silence_text: must be a number from 0 to 3600"},
		{"{\"beam\":0}", "heard-set.beam: must be an integer from 1 to 512"},
		{"{\"commit_delay\":-1}",
		 "heard-set.commit_delay: must be a number from 0 to 3600"},
		{"{\"lm\":\"x\"}", "heard-set.lm: must be true, false or an object"},
		{"{\"lm\":{\"alpha\":-1}}", "heard-set.lm.alpha: must be a number from 0 to 100"},
		{"{\"lm\":{\"beta\":1000}}",
		 "heard-set.lm.beta: must be a number from -100 to 100"},
		{"{\"endpoint\":{\"max_length\":4000}}",
		 "heard-set.endpoint.max_length: must be a number from 0 to 3600"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct session_options options;
		struct problem problem;
		assert_int_equal(parse(cases[i].text, &options, &problem), -EINVAL);
		assert_string_equal(problem.text, cases[i].problem);
	}
}

static void test_merge(void **state)
{
	(void)state;
	struct session_options base, over;
	struct problem problem;

	parse("{\"language\":\"en\",\"words\":false,\"endpoint\":{\"silence_text\":1}}", &base,
	      &problem);
	parse("{}", &over, &problem);
	session_options_merge(&base, &over);
	assert_prints(&base,
		      "{\"language\":\"en\",\"words\":false,\"endpoint\":{\"silence_text\":1}}");
	parse("{\"words\":true,\"final\":\"stream\",\"endpoint\":{\"max_length\":9}}", &over,
	      &problem);
	session_options_merge(&base, &over);
	assert_prints(&base, "{\"language\":\"en\",\"final\":\"stream\",\"words\":true,"
			     "\"endpoint\":{\"silence_text\":1,\"max_length\":9}}");
	parse("{\"language\":\"de\",\"partials\":true,\"partial_interval\":1,"
	      "\"endpoint\":{\"silence_no_text\":2,\"silence_text\":3}}",
	      &over, &problem);
	session_options_merge(&base, &over);
	assert_prints(&base, "{\"language\":\"de\",\"final\":\"stream\",\"partials\":true,"
			     "\"partial_interval\":1,\"words\":true,\"endpoint\":"
			     "{\"silence_no_text\":2,\"silence_text\":3,\"max_length\":9}}");
	parse("{\"beam\":4,\"lm\":{\"alpha\":1}}", &over, &problem);
	session_options_merge(&base, &over);
	parse("{\"commit_delay\":2,\"lm\":false}", &over, &problem);
	session_options_merge(&base, &over);
	assert_int_equal(base.beam, 4);
	assert_false(base.lm);
	assert_true(base.commit_delay == 2.0 && base.lm_alpha == 1.0);
	parse("{\"endpoint\":false}", &over, &problem);
	session_options_merge(&base, &over);
	assert_false(base.endpoint);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_merge),
	};
	return cmocka_run_group_tests_name("session_options", tests, NULL, NULL);
}

/* Class defaults, every honoured field, and every refusal with its key. */
#include "core/weights/config.h"
#include "tests/weights/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char config_name[] = "config.json";
static const char preprocessor_name[] = "preprocessor_config.json";
static const char heard_name[] = "heard.json";

static void load(struct scratch *scratch, const char *text, struct model_config *config)
{
	scratch_write_text(scratch, config_name, text);
	if (config_load(scratch->dir, config) != 0)
		fail_msg("refused: %s", scratch->log);
	assert_int_equal(scratch->errors, 0);
}

static void test_class_defaults(void **state)
{
	struct scratch *scratch = *state;
	struct model_config config;
	static const size_t kernels[] = {10, 3, 3, 3, 3, 2, 2}, strides[] = {5, 2, 2, 2, 2, 2, 2};

	load(scratch, "{\"model_type\": \"hubert\"}", &config);
	assert_string_equal(config.model_type, "hubert");
	assert_false(config.head_given);
	assert_int_equal(config.n_conv_layers, 7);
	for (size_t i = 0; i < 7; i++) {
		assert_int_equal(config.conv_dim[i], 512);
		assert_int_equal(config.conv_kernel[i], kernels[i]);
		assert_int_equal(config.conv_stride[i], strides[i]);
	}
	assert_false(config.conv_bias);
	assert_int_equal(config.conv_norm, CONV_NORM_GROUP);
	assert_int_equal(config.conv_activation, ACTIVATION_GELU);
	assert_true(config.projection_layer_norm);
	assert_int_equal(config.pos_kernel, 128);
	assert_int_equal(config.pos_groups, 16);
	assert_false(config.pos_batch_norm);
	assert_int_equal(config.hidden_size, 768);
	assert_int_equal(config.n_layers, 12);
	assert_int_equal(config.n_heads, 12);
	assert_int_equal(config.intermediate_size, 3072);
	assert_int_equal(config.hidden_activation, ACTIVATION_GELU);
	assert_false(config.stable_layer_norm);
	assert_true(config.layer_norm_eps == 1e-5f);
	assert_int_equal(config.adapter_attn_dim, 0);
	assert_int_equal(config.vocab_size, 32);
	assert_int_equal(config.pad_token_id, 0);
	assert_false(config.ctc_loss_mean || config.ctc_zero_infinity);
	assert_int_equal(config.classifier_proj_size, 256);
	assert_false(config.weighted_layer_sum || config.multi_label);
	assert_int_equal(config.n_labels, 2);
	assert_string_equal(config.labels[1], "LABEL_1");
	assert_true(config.do_normalize);
	assert_int_equal(config.sampling_rate, 16000);
	assert_false(config.streaming_given);
	assert_true(config.left == 250 && config.chunk == 16 && config.right == 16);
	assert_int_equal(config.final_mode, FINAL_OFFLINE);
	assert_true(config.confidence_scale == 1.0F && config.confidence_shift == 0.0F);
	assert_int_equal(config.hop, 320);
	assert_int_equal(config.field, 400);

	assert_int_equal(config_frames(&config, 0), 0);
	assert_int_equal(config_frames(&config, 399), 0);
	assert_int_equal(config_frames(&config, 400), 1);
	assert_int_equal(config_frames(&config, 719), 1);
	assert_int_equal(config_frames(&config, 720), 2);
	assert_int_equal(config_frames(&config, 160000), 499);
	config_finish(&config);
	config_finish(&config);
}

static void test_every_field(void **state)
{
	struct scratch *scratch = *state;
	struct model_config config;

	scratch_write_text(scratch, preprocessor_name,
			   "{\"do_normalize\":false,\"sampling_rate\":8000,\"feature_size\":1,"
			   "\"feature_extractor_type\":\"Wav2Vec2FeatureExtractor\"}");
	scratch_write_text(
		scratch, heard_name,
		"{\"streaming\":{\"left\":-1,\"chunk\":8,\"right\":0},\"final\":\"stream\","
		"\"confidence\":{\"scale\":0.5,\"shift\":-1.25}}");
	load(scratch,
	     "{\"model_type\":\"hubert\",\"architectures\":[\"HubertForSequenceClassification\"],"
	     "\"conv_dim\":[8,16],\"conv_kernel\":[320,4],\"conv_stride\":[80,2],"
	     "\"num_feat_extract_layers\":2,\"conv_bias\":true,\"feat_extract_norm\":\"layer\","
	     "\"feat_extract_activation\":\"mish\",\"feat_proj_layer_norm\":false,"
	     "\"num_conv_pos_embeddings\":19,\"num_conv_pos_embedding_groups\":4,"
	     "\"conv_pos_batch_norm\":true,\"hidden_size\":24,\"num_hidden_layers\":3,"
	     "\"num_attention_heads\":6,\"intermediate_size\":48,\"hidden_act\":\"gelu_fast\","
	     "\"do_stable_layer_norm\":true,\"layer_norm_eps\":0.05,\"adapter_attn_dim\":16,"
	     "\"vocab_size\":7,\"pad_token_id\":6,\"ctc_loss_reduction\":\"mean\","
	     "\"ctc_zero_infinity\":true,\"classifier_proj_size\":5,"
	     "\"use_weighted_layer_sum\":true,\"problem_type\":\"multi_label_classification\","
	     "\"id2label\":{\"2\":\"c\",\"0\":\"a\",\"1\":\"b\"},\"num_labels\":3,"
	     "\"hidden_dropout\":0.1,\"mask_time_prob\":0.05}",
	     &config);
	assert_true(config.head_given);
	assert_int_equal(config.head, HEAD_CLASSIFICATION);
	assert_int_equal(config.n_conv_layers, 2);
	assert_int_equal(config.conv_dim[1], 16);
	assert_true(config.conv_bias);
	assert_int_equal(config.conv_norm, CONV_NORM_LAYER);
	assert_int_equal(config.conv_activation, ACTIVATION_MISH);
	assert_false(config.projection_layer_norm);
	assert_int_equal(config.pos_kernel, 19);
	assert_int_equal(config.pos_groups, 4);
	assert_true(config.pos_batch_norm);
	assert_int_equal(config.hidden_size, 24);
	assert_int_equal(config.n_layers, 3);
	assert_int_equal(config.n_heads, 6);
	assert_int_equal(config.intermediate_size, 48);
	assert_int_equal(config.hidden_activation, ACTIVATION_GELU_TANH);
	assert_true(config.stable_layer_norm);
	assert_true(config.layer_norm_eps == 0.05f);
	assert_int_equal(config.adapter_attn_dim, 16);
	assert_int_equal(config.vocab_size, 7);
	assert_int_equal(config.pad_token_id, 6);
	assert_true(config.ctc_loss_mean && config.ctc_zero_infinity);
	assert_int_equal(config.classifier_proj_size, 5);
	assert_true(config.weighted_layer_sum && config.multi_label);
	assert_int_equal(config.n_labels, 3);
	assert_string_equal(config.labels[0], "a");
	assert_string_equal(config.labels[2], "c");
	assert_false(config.do_normalize);
	assert_int_equal(config.sampling_rate, 8000);
	assert_true(config.streaming_given);
	assert_true(config.left == -1 && config.chunk == 8 && config.right == 0);
	assert_int_equal(config.final_mode, FINAL_STREAM);
	assert_true(config.confidence_scale == 0.5F && config.confidence_shift == -1.25F);
	assert_int_equal(config.hop, 160);
	assert_int_equal(config.field, 320 + 3 * 80);
	config_finish(&config);
}

static void test_what_the_classes_ignore(void **state)
{
	struct scratch *scratch = *state;
	struct model_config config;

	load(scratch,
	     "{\"model_type\":\"wav2vec2\",\"feat_proj_layer_norm\":false,"
	     "\"conv_pos_batch_norm\":true,\"adapter_attn_dim\":16,\"add_adapter\":null,"
	     "\"num_labels\":4,\"pad_token_id\":null,\"problem_type\":null,\"architectures\":[]}",
	     &config);
	assert_true(config.projection_layer_norm);
	assert_false(config.pos_batch_norm);
	assert_int_equal(config.adapter_attn_dim, 0); /* no pre-norm */
	assert_int_equal(config.n_labels, 4);
	assert_int_equal(config.pad_token_id, -1);
	assert_false(config.head_given);
	config_finish(&config);

	load(scratch, "{\"architectures\":[\"Wav2Vec2ForPreTraining\"]}", &config);
	assert_string_equal(config.model_type, "wav2vec2");
	assert_true(config.head_given && config.head == HEAD_NONE);
	config_finish(&config);
}

static void test_activation_names(void **state)
{
	struct scratch *scratch = *state;
	static const struct {
		const char *name;
		enum activation activation;
	} cases[] = {
		{"gelu", ACTIVATION_GELU},
		{"gelu_python", ACTIVATION_GELU},
		{"gelu_new", ACTIVATION_GELU_TANH},
		{"gelu_fast", ACTIVATION_GELU_TANH},
		{"gelu_pytorch_tanh", ACTIVATION_GELU_TANH},
		{"quick_gelu", ACTIVATION_QUICK_GELU},
		{"relu", ACTIVATION_RELU},
		{"relu6", ACTIVATION_RELU6},
		{"selu", ACTIVATION_SELU},
		{"silu", ACTIVATION_SILU},
		{"swish", ACTIVATION_SILU},
		{"mish", ACTIVATION_MISH},
		{"tanh", ACTIVATION_TANH},
		{"sigmoid", ACTIVATION_SIGMOID},
		{"linear", ACTIVATION_LINEAR},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model_config config;
		char text[128];
		snprintf(text, sizeof(text), "{\"model_type\":\"hubert\",\"hidden_act\":\"%s\"}",
			 cases[i].name);
		load(scratch, text, &config);
		assert_int_equal(config.hidden_activation, cases[i].activation);
		config_finish(&config);
	}
}

static void test_refusals(void **state)
{
	struct scratch *scratch = *state;
	static const struct {
		const char *fields, *what;
		int rc;
	} cases[] = {
		{"\"add_adapter\":true", "'add_adapter' is true", -ENOTSUP},
		{"\"hidden_act\":\"gelu_10\"", "'hidden_act' is 'gelu_10'", -ENOTSUP},
		{"\"feat_extract_activation\":\"x\"", "'feat_extract_activation' is 'x'", -ENOTSUP},
		{"\"feat_extract_norm\":\"batch\"", "'feat_extract_norm' is 'batch'", -ENOTSUP},
		{"\"position_embeddings_type\":\"rotary\"", "'position_embeddings_type'", -ENOTSUP},
		{"\"quantization_config\":{}", "'quantization_config'", -ENOTSUP},
		{"\"architectures\":[\"HubertForXVector\"]", "'HubertForXVector'", -ENOTSUP},
		{"\"architectures\":[\"Wav2Vec2ForCTC\"]", "model_type is 'hubert'", -EINVAL},
		{"\"architectures\":\"HubertForCTC\"", "'architectures' must be", -EINVAL},
		{"\"ctc_loss_reduction\":\"none\"", "'ctc_loss_reduction' is 'none'", -ENOTSUP},
		{"\"problem_type\":\"regression\"", "'problem_type' is 'regression'", -ENOTSUP},
		{"\"hidden_size\":0", "'hidden_size' is 0", -EINVAL},
		{"\"hidden_size\":-768", "'hidden_size' is -768", -EINVAL},
		{"\"hidden_size\":1e9", "'hidden_size' is 1000000000", -EINVAL},
		{"\"hidden_size\":768.5", "'hidden_size' is 768.5, not an integer", -EINVAL},
		{"\"hidden_size\":\"768\"", "'hidden_size' must be a number", -EINVAL},
		{"\"hidden_size\":null", "'hidden_size' must be a number", -EINVAL},
		{"\"hidden_size\":1e999", "'hidden_size' is not a finite number", -EINVAL},
		{"\"hidden_size\":770", "'num_attention_heads' is 12, which does not", -EINVAL},
		{"\"num_conv_pos_embedding_groups\":7", "'num_conv_pos_embedding_groups' is 7",
		 -EINVAL},
		{"\"num_attention_heads\":0", "'num_attention_heads' is 0", -EINVAL},
		{"\"layer_norm_eps\":-1e-5", "'layer_norm_eps' is", -EINVAL},
		{"\"layer_norm_eps\":NaN", "not valid JSON at 'NaN}'", -EINVAL},
		{"\"layer_norm_eps\":-Infinity", "not valid JSON at '-Infinity}'", -EINVAL},
		{"\"conv_bias\":1", "'conv_bias' must be true or false", -EINVAL},
		{"\"conv_dim\":[]", "'conv_dim' must be a list", -EINVAL},
		{"\"conv_dim\":null", "'conv_dim' must be a list", -EINVAL},
		{"\"conv_dim\":[512,0]", "'conv_dim' holds a value", -EINVAL},
		{"\"conv_dim\":[512,\"512\"]", "'conv_dim' holds a value", -EINVAL},
		{"\"conv_dim\":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "'conv_dim' has more than",
		 -ENOTSUP},
		{"\"conv_kernel\":[10,3]", "'conv_kernel' has 2 entries, conv_dim has 7", -EINVAL},
		{"\"conv_stride\":[5]", "'conv_stride' has 1 entries, conv_dim has 7", -EINVAL},
		{"\"conv_stride\":[65536,65536,1,1,1,1,1]", "'conv_stride' and conv_kernel",
		 -EINVAL},
		{"\"num_feat_extract_layers\":6", "'num_feat_extract_layers' is 6", -EINVAL},
		{"\"vocab_size\":null", "'vocab_size' must be a number", -EINVAL},
		{"\"pad_token_id\":32", "'pad_token_id' is 32, outside", -EINVAL},
		{"\"pad_token_id\":-1", "'pad_token_id' is -1", -EINVAL},
		{"\"id2label\":{\"0\":\"a\",\"2\":\"b\"}", "'id2label' has the id '2'", -EINVAL},
		{"\"id2label\":{\"00\":\"a\"}", "'id2label' has the id '00'", -EINVAL},
		{"\"id2label\":{\"x\":\"a\"}", "'id2label' has the id 'x'", -EINVAL},
		{"\"id2label\":{\"0\":1}", "'id2label' has no text for id 0", -EINVAL},
		{"\"id2label\":{}", "'id2label' must be", -EINVAL},
		{"\"id2label\":[\"a\"]", "'id2label' must be", -EINVAL},
		{"\"num_labels\":-1", "'num_labels' is -1", -EINVAL},
		{"\"hidden_size\":768,\"hidden_size\":768", "'hidden_size' appears twice", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct model_config config;
		char text[256];
		snprintf(text, sizeof(text), "{\"model_type\":\"hubert\",%s}", cases[i].fields);
		scratch_write_text(scratch, config_name, text);
		int rc = config_load(scratch->dir, &config);
		if (rc != cases[i].rc)
			fail_msg("%s: %d, %s", cases[i].fields, rc, scratch->log);
		scratch_expect(scratch, config_name, cases[i].what);
		assert_null(config.labels);
	}
}

static void test_whole_files(void **state)
{
	struct scratch *scratch = *state;
	struct model_config config;
	static const struct {
		const char *name, *text, *what;
		int rc;
	} cases[] = {
		{config_name, "{}", "'model_type' is missing", -EINVAL},
		{config_name, "{\"model_type\":\"wavlm\"}", "'model_type' is 'wavlm'", -ENOTSUP},
		{config_name, "{\"model_type\":7}", "'model_type' must be", -EINVAL},
		{config_name, "[]", "not a JSON object", -EINVAL},
		{config_name, "", ":1: not valid JSON", -EINVAL},
		{config_name, "{\n\"a\": 1,\n}", ":3: not valid JSON", -EINVAL},
		{config_name, "{\"model_type\":\"hubert\"", "not valid JSON", -EINVAL},
		{preprocessor_name, "{\"sampling_rate\":0}", "'sampling_rate' is 0", -EINVAL},
		{preprocessor_name, "{\"feature_size\":80}", "'feature_size' is 80", -EINVAL},
		{preprocessor_name, "{\"feature_extractor_type\":\"WhisperFeatureExtractor\"}",
		 "'WhisperFeatureExtractor'", -ENOTSUP},
		{preprocessor_name, "{\"do_normalize\":\"yes\"}", "'do_normalize' must", -EINVAL},
		{preprocessor_name, "7", "not a JSON object", -EINVAL},
		{heard_name, "{\"streaming\":[]}", "'streaming' must be", -EINVAL},
		{heard_name, "{\"streaming\":{\"left\":-2}}", "'left' is -2", -EINVAL},
		{heard_name, "{\"streaming\":{\"chunk\":0}}", "'chunk' is 0", -EINVAL},
		{heard_name, "{\"final\":\"never\"}", "'final' is 'never'", -ENOTSUP},
		{heard_name, "{\"confidence\":2}", "'confidence' must be", -EINVAL},
		{heard_name, "{\"confidence\":{\"scale\":0}}", "'scale' is 0", -EINVAL},
		{heard_name, "{\"confidence\":{\"shift\":\"x\"}}", "'shift'", -EINVAL},
		{heard_name, "{", "not valid JSON", -EINVAL},
	};

	assert_int_equal(config_load(scratch->dir, &config), -ENOENT);
	scratch_expect(scratch, scratch->dir, "no config.json");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scratch_write_text(scratch, config_name, "{\"model_type\":\"hubert\"}");
		scratch_write_text(scratch, cases[i].name, cases[i].text);
		int rc = config_load(scratch->dir, &config);
		if (rc != cases[i].rc)
			fail_msg("%s: %d, %s", cases[i].text, rc, scratch->log);
		scratch_expect(scratch, cases[i].name, cases[i].what);
		scratch_remove(scratch, cases[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_class_defaults, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_every_field, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_what_the_classes_ignore, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_activation_names, scratch_setup,
						scratch_teardown),
		cmocka_unit_test_setup_teardown(test_refusals, scratch_setup, scratch_teardown),
		cmocka_unit_test_setup_teardown(test_whole_files, scratch_setup, scratch_teardown),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

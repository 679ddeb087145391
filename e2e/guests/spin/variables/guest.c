// Asks for variables through each of the interfaces that have them.
//
//	/conformance  the checks of Spin's own suite: 200 without a body
//	/get/NAME     fermyon:spin/variables
//	/config/NAME  fermyon:spin/config
//	/store/NAME   wasi:config/store get
//	/all          wasi:config/store get-all
#include "reply.h"

static const char *variables_errors[] = {"invalid-name", "undefined", "provider", "other"};
static const char *config_errors[] = {"provider", "invalid-key", "invalid-schema", "other"};
static const char *store_errors[] = {"upstream", "io"};

static void conformance(void) {
	guest_string_t value;
	fermyon_spin_2_0_0_variables_error_t e;
	guest_string_t name = str("variable");
	EXPECT(fermyon_spin_2_0_0_variables_get(&name, &value, &e), "variable: error %d", e.tag);
	EXPECT(strcmp(cstr(&value), "value") == 0, "variable = %s", cstr(&value));
	name = str("non_existent");
	EXPECT(!fermyon_spin_2_0_0_variables_get(&name, &value, &e) && e.tag == FERMYON_SPIN_2_0_0_VARIABLES_ERROR_UNDEFINED, "non_existent is not undefined");
	const char *invalid[] = {"invalid-name", "invalid!name", "4invalidname"};
	for (int i = 0; i < 3; i++) {
		name = str(invalid[i]);
		EXPECT(!fermyon_spin_2_0_0_variables_get(&name, &value, &e) && e.tag == FERMYON_SPIN_2_0_0_VARIABLES_ERROR_INVALID_NAME, "%s is not invalid", invalid[i]);
	}
	reply(200, "");
}

static void get(char *name) {
	guest_string_t key = str(name), value;
	fermyon_spin_2_0_0_variables_error_t e;
	if (fermyon_spin_2_0_0_variables_get(&key, &value, &e)) {
		reply(200, cstr(&value));
		return;
	}
	replyf(500, "%s: %s", variables_errors[e.tag], cstr(&e.val.other));
}

static void config(char *name) {
	guest_string_t key = str(name), value;
	fermyon_spin_config_error_t e;
	if (fermyon_spin_config_get_config(&key, &value, &e)) {
		reply(200, cstr(&value));
		return;
	}
	replyf(500, "%s: %s", config_errors[e.tag], cstr(&e.val.other));
}

static void store(char *name) {
	guest_string_t key = str(name);
	guest_option_string_t value;
	wasi_config_store_error_t e;
	if (!wasi_config_store_get(&key, &value, &e)) {
		replyf(500, "%s: %s", store_errors[e.tag], cstr(&e.val.io));
		return;
	}
	reply(200, value.is_some ? cstr(&value.val) : "(none)");
}

static void all(void) {
	guest_list_tuple2_string_string_t pairs;
	wasi_config_store_error_t e;
	if (!wasi_config_store_get_all(&pairs, &e)) {
		replyf(500, "%s: %s", store_errors[e.tag], cstr(&e.val.io));
		return;
	}
	char text[4000] = "";
	size_t n = 0;
	for (size_t i = 0; i < pairs.len && n < sizeof text; i++) {
		n += format(text + n, sizeof text - n, "%s=%s\n", cstr(&pairs.ptr[i].f0), cstr(&pairs.ptr[i].f1));
	}
	reply(200, text);
}

void serve(char *path) {
	if (strcmp(path, "/conformance") == 0) {
		conformance();
	} else if (strncmp(path, "/get/", 5) == 0) {
		get(path + 5);
	} else if (strncmp(path, "/config/", 8) == 0) {
		config(path + 8);
	} else if (strncmp(path, "/store/", 7) == 0) {
		store(path + 7);
	} else if (strcmp(path, "/all") == 0) {
		all();
	} else {
		reply(404, "no such check");
	}
}

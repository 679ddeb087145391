// Sends requests through fermyon:spin/http, the interface before wasi:http, and
// asks fermyon:spin/llm.
//
//	/METHOD/URL   "STATUS BODY" or "error NAME"
//	/infer/MODEL  and /embeddings/MODEL; /oldinfer/MODEL by its first version
#include "reply.h"

static const char *methods[] = {"GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"};
static const char *errors[] = {"success", "destination-not-allowed", "invalid-url", "request-error", "runtime-error", "too-many-requests"};
static const char *llm_errors[] = {"model-not-supported", "runtime-error", "invalid-input"};

static void send(int method, char *url) {
	fermyon_spin_http_request_t request = {.method = method, .uri = str(url)};
	guest_tuple2_string_string_t header = {str("x-asked"), str("by spin1")};
	request.headers.ptr = &header;
	request.headers.len = 1;
	if (method == 1) {
		request.body.is_some = true;
		request.body.val.ptr = (uint8_t *)"Hello, world!";
		request.body.val.len = 13;
	}
	fermyon_spin_http_response_t response;
	fermyon_spin_http_http_error_t e;
	if (!fermyon_spin_http_send_request(&request, &response, &e)) {
		replyf(502, "error %s", errors[e]);
		return;
	}
	guest_string_t body = {response.body.val.ptr, response.body.is_some ? response.body.val.len : 0};
	const char *type = "none";
	for (size_t i = 0; response.headers.is_some && i < response.headers.val.len; i++) {
		if (strcmp(cstr(&response.headers.val.ptr[i].f0), "content-type") == 0) type = cstr(&response.headers.val.ptr[i].f1);
	}
	replyf(200, "%d %s (%s)", (int)response.status, cstr(&body), type);
}

static void llm_error(fermyon_spin_2_0_0_llm_error_t e) {
	replyf(502, "%s: %s", llm_errors[e.tag], e.tag == 0 ? "" : cstr(&e.val.invalid_input));
}

static void infer(char *name) {
	guest_string_t model = str(name), prompt = str("What is it?");
	fermyon_spin_2_0_0_llm_inferencing_result_t result;
	fermyon_spin_2_0_0_llm_error_t e;
	EXPECT(!fermyon_spin_2_0_0_llm_infer(&model, &prompt, NULL, &result, &e), "infer: %s", cstr(&result.text));
	llm_error(e);
}

static void old_infer(char *name) {
	guest_string_t model = str(name), prompt = str("What is it?");
	fermyon_spin_llm_inferencing_params_t params = {.max_tokens = 100, .temperature = 0.8};
	fermyon_spin_llm_inferencing_result_t result;
	fermyon_spin_llm_error_t e;
	EXPECT(!fermyon_spin_llm_infer(&model, &prompt, &params, &result, &e), "infer: %s", cstr(&result.text));
	replyf(502, "%s: %s", llm_errors[e.tag], e.tag == 0 ? "" : cstr(&e.val.invalid_input));
}

static void embeddings(char *name) {
	guest_string_t model = str(name), text = str("words");
	guest_list_string_t texts = {&text, 1};
	fermyon_spin_2_0_0_llm_embeddings_result_t result;
	fermyon_spin_2_0_0_llm_error_t e;
	EXPECT(!fermyon_spin_2_0_0_llm_generate_embeddings(&model, &texts, &result, &e), "embeddings");
	llm_error(e);
}

void serve(char *path) {
	if (strncmp(path, "/infer/", 7) == 0) {
		infer(path + 7);
		return;
	}
	if (strncmp(path, "/oldinfer/", 10) == 0) {
		old_infer(path + 10);
		return;
	}
	if (strncmp(path, "/embeddings/", 12) == 0) {
		embeddings(path + 12);
		return;
	}
	for (int m = 0; m < 7; m++) {
		size_t n = strlen(methods[m]);
		if (strncmp(path + 1, methods[m], n) == 0 && path[n + 1] == '/') {
			send(m, path + n + 2);
			return;
		}
	}
	reply(404, "no such check");
}

// Publishes by an MQTT broker, whose address is in the header "address", as the
// user and with the password of the headers of these names.
//
//	/conformance        the check of Spin's own suite: one message, at least once
//	/publish/QOS/TOPIC  publishes "message QOS" three times, by one connection
//	/large/TOPIC        publishes a message of a million bytes, exactly once
//	/many               opens connections until it may not, replies with how many
#include "reply.h"

static const char *names[] = {"InvalidAddress", "TooManyConnections", "ConnectionFailed", "Other"};

static fermyon_spin_2_0_0_mqtt_own_connection_t own;
static fermyon_spin_2_0_0_mqtt_error_t e;

static guest_string_t header(const char *name) {
	char *h = request_header(name);
	return str(h ? h : "");
}

static bool open_connection(void) {
	guest_string_t a = header("address"), u = header("user"), p = header("password");
	return fermyon_spin_2_0_0_mqtt_static_connection_open(&a, &u, &p, 30, &own, &e);
}

static bool publish(const char *topic, const uint8_t *payload, size_t n, int qos) {
	guest_string_t t = str(topic);
	fermyon_spin_2_0_0_mqtt_payload_t m = {(uint8_t *)payload, n};
	return fermyon_spin_2_0_0_mqtt_method_connection_publish(fermyon_spin_2_0_0_mqtt_borrow_connection(own), &t, &m, qos, &e);
}

static void failed(void) {
	replyf(500, e.tag < 2 ? "Error::%s" : "Error::%s(\"%s\")", names[e.tag], e.tag < 2 ? "" : cstr(&e.val.other));
}

void serve(char *path) {
	static uint8_t large[1000000];
	if (strcmp(path, "/many") == 0) {
		int n = 0;
		while (n < 1000 && open_connection()) n++;
		replyf(200, "%d %s", n, names[e.tag]);
		return;
	}
	bool ok = open_connection();
	if (ok && strcmp(path, "/conformance") == 0) {
		ok = publish("telemetry-topic", (uint8_t *)"Eureka!", 7, 1);
	} else if (ok && strncmp(path, "/publish/", 9) == 0) {
		char message[] = "message 0";
		int qos = path[9] - '0';
		message[8] = path[9];
		for (int i = 0; ok && i < 3; i++) ok = publish(path + 11, (uint8_t *)message, 9, qos);
	} else if (ok && strncmp(path, "/large/", 7) == 0) {
		memset(large, 'x', sizeof large);
		ok = publish(path + 7, large, sizeof large, 2);
	}
	if (ok) reply(200, "");
	else failed();
}

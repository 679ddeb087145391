// Opens sockets by IPv4 addresses.
//
//	/conformance     the check of Spin's suite: connects to the header "address",
//	                 writes 31 bytes and wants them back
//	/connect/A.B.C.D:PORT   TCP: what the peer sends back for "ping"
//	/bind/A.B.C.D:PORT      TCP
//	/udp/A.B.C.D:PORT       binds 0.0.0.0:0, sends "ping" and waits for the answer
//	/lookup/NAME            the first address
//
// What fails is said as "NAME (error NUMBER)".
#include "reply.h"

static const char *codes[] = {
	"unknown", "access-denied", "not-supported", "invalid-argument", "out-of-memory", "timeout", "concurrency-conflict",
	"not-in-progress", "would-block", "invalid-state", "new-socket-limit", "address-not-bindable", "address-in-use",
	"remote-unreachable", "connection-refused", "connection-reset", "connection-aborted", "datagram-too-large",
	"name-unresolvable", "temporary-resolver-failure", "permanent-resolver-failure",
};

static wasi_sockets_network_error_code_t e;

static void failed(void) { replyf(500, "%s (error %d)", codes[e], (int)e); }

// TRY replies with the error and returns if a call fails.
#define TRY(call) do { if (!(call)) { failed(); return; } } while (0)

static wasi_sockets_network_ip_socket_address_t parse(const char *s) {
	wasi_sockets_network_ip_socket_address_t a = {.tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4};
	int parts[5] = {0}, i = 0;
	for (; *s && i < 5; s++) {
		if (*s >= '0' && *s <= '9') parts[i] = parts[i] * 10 + *s - '0';
		else i++;
	}
	a.val.ipv4.address.f0 = parts[0], a.val.ipv4.address.f1 = parts[1], a.val.ipv4.address.f2 = parts[2], a.val.ipv4.address.f3 = parts[3];
	a.val.ipv4.port = parts[4];
	return a;
}

static wasi_sockets_tcp_own_tcp_socket_t tcp;
static wasi_io_streams_own_input_stream_t in;
static wasi_io_streams_own_output_stream_t out;

static bool connect_to(wasi_sockets_tcp_borrow_network_t network, const char *address) {
	wasi_sockets_network_ip_socket_address_t a = parse(address);
	if (!wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &tcp, &e)) return false;
	wasi_sockets_tcp_borrow_tcp_socket_t s = wasi_sockets_tcp_borrow_tcp_socket(tcp);
	if (!wasi_sockets_tcp_method_tcp_socket_start_connect(s, network, &a, &e)) return false;
	wasi_io_poll_own_pollable_t ready = wasi_sockets_tcp_method_tcp_socket_subscribe(s);
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(ready));
	wasi_io_poll_pollable_drop_own(ready);
	wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t streams;
	if (!wasi_sockets_tcp_method_tcp_socket_finish_connect(s, &streams, &e)) return false;
	in = streams.f0, out = streams.f1;
	return true;
}

// exchange sends a text and reads as many bytes as it has.
static size_t exchange(const char *text, char *back) {
	size_t want = strlen(text), n = 0;
	guest_list_u8_t all = {(uint8_t *)text, want};
	wasi_io_streams_stream_error_t broken;
	if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(wasi_io_streams_borrow_output_stream(out), &all, &broken)) return 0;
	while (n < want) {
		guest_list_u8_t part;
		if (!wasi_io_streams_method_input_stream_blocking_read(wasi_io_streams_borrow_input_stream(in), want - n, &part, &broken)) break;
		memcpy(back + n, part.ptr, part.len);
		n += part.len;
	}
	back[n] = 0;
	return n;
}

static void udp(wasi_sockets_udp_borrow_network_t network, const char *address) {
	wasi_sockets_udp_own_udp_socket_t socket;
	wasi_sockets_network_ip_socket_address_t any = parse("0.0.0.0:0"), to = parse(address);
	TRY(wasi_sockets_udp_create_socket_create_udp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &socket, &e));
	wasi_sockets_udp_borrow_udp_socket_t s = wasi_sockets_udp_borrow_udp_socket(socket);
	TRY(wasi_sockets_udp_method_udp_socket_start_bind(s, network, &any, &e));
	TRY(wasi_sockets_udp_method_udp_socket_finish_bind(s, &e));
	wasi_sockets_udp_tuple2_own_incoming_datagram_stream_own_outgoing_datagram_stream_t streams;
	TRY(wasi_sockets_udp_method_udp_socket_stream(s, NULL, &streams, &e));
	wasi_sockets_udp_borrow_outgoing_datagram_stream_t o = wasi_sockets_udp_borrow_outgoing_datagram_stream(streams.f1);
	wasi_sockets_udp_outgoing_datagram_t datagram = {.data = {(uint8_t *)"ping", 4}, .remote_address = {.is_some = true, .val = to}};
	wasi_sockets_udp_list_outgoing_datagram_t datagrams = {&datagram, 1};
	uint64_t n;
	TRY(wasi_sockets_udp_method_outgoing_datagram_stream_check_send(o, &n, &e));
	TRY(wasi_sockets_udp_method_outgoing_datagram_stream_send(o, &datagrams, &n, &e));
	wasi_sockets_udp_borrow_incoming_datagram_stream_t i = wasi_sockets_udp_borrow_incoming_datagram_stream(streams.f0);
	wasi_io_poll_own_pollable_t ready = wasi_sockets_udp_method_incoming_datagram_stream_subscribe(i);
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(ready));
	wasi_sockets_udp_list_incoming_datagram_t got;
	TRY(wasi_sockets_udp_method_incoming_datagram_stream_receive(i, 1, &got, &e));
	EXPECT(got.len == 1, "%d datagrams", (int)got.len);
	guest_string_t text = {got.ptr[0].data.ptr, got.ptr[0].data.len};
	reply(200, cstr(&text));
}

static void lookup(wasi_sockets_ip_name_lookup_borrow_network_t network, const char *name) {
	guest_string_t n = str(name);
	wasi_sockets_ip_name_lookup_own_resolve_address_stream_t stream;
	TRY(wasi_sockets_ip_name_lookup_resolve_addresses(network, &n, &stream, &e));
	wasi_sockets_ip_name_lookup_borrow_resolve_address_stream_t s = wasi_sockets_ip_name_lookup_borrow_resolve_address_stream(stream);
	wasi_io_poll_own_pollable_t ready = wasi_sockets_ip_name_lookup_method_resolve_address_stream_subscribe(s);
	wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(ready));
	wasi_sockets_ip_name_lookup_option_ip_address_t a;
	TRY(wasi_sockets_ip_name_lookup_method_resolve_address_stream_resolve_next_address(s, &a, &e));
	reply(200, a.is_some ? a.val.tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4 ? "an IPv4 address" : "an IPv6 address" : "none");
}

void serve(char *path) {
	char back[64];
	wasi_sockets_tcp_borrow_network_t network = wasi_sockets_network_borrow_network(wasi_sockets_instance_network_instance_network());
	if (strcmp(path, "/conformance") == 0) {
		const char *text = "thirty-one bytes there and back";
		char *address = request_header("address");
		EXPECT(address, "no header address");
		TRY(connect_to(network, address));
		EXPECT(exchange(text, back) == 31 && strcmp(text, back) == 0, "got back %s", back);
		reply(200, "");
	} else if (strncmp(path, "/connect/", 9) == 0) {
		TRY(connect_to(network, path + 9));
		exchange("ping", back);
		reply(200, back);
	} else if (strncmp(path, "/bind/", 6) == 0) {
		wasi_sockets_network_ip_socket_address_t a = parse(path + 6);
		TRY(wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &tcp, &e));
		TRY(wasi_sockets_tcp_method_tcp_socket_start_bind(wasi_sockets_tcp_borrow_tcp_socket(tcp), network, &a, &e));
		reply(200, "bound");
	} else if (strncmp(path, "/udp/", 5) == 0) {
		udp(network, path + 5);
	} else if (strncmp(path, "/lookup/", 8) == 0) {
		lookup(network, path + 8);
	} else {
		reply(404, "no such check");
	}
}

// A command that uses wasi:sockets, on bindings that wit-bindgen makes. Its
// arguments say what it does: see exports_wasi_cli_run_run. An error-code is its
// exit code plus 100.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest.h"

typedef wasi_sockets_network_error_code_t code;
typedef wasi_sockets_network_ip_socket_address_t address;

static void need(bool ok, code err) {
  if (!ok) exit(100 + err);
}

static void wait(wasi_io_poll_own_pollable_t p) {
  wasi_io_poll_method_pollable_block(wasi_io_poll_borrow_pollable(p));
  wasi_io_poll_pollable_drop_own(p);
}

static address parse(const char *ip, const char *port) {
  address a = {.tag = WASI_SOCKETS_NETWORK_IP_SOCKET_ADDRESS_IPV4};
  unsigned b[4];
  if (sscanf(ip, "%u.%u.%u.%u", b, b + 1, b + 2, b + 3) != 4) exit(2);
  a.val.ipv4.port = atoi(port);
  a.val.ipv4.address.f0 = b[0];
  a.val.ipv4.address.f1 = b[1];
  a.val.ipv4.address.f2 = b[2];
  a.val.ipv4.address.f3 = b[3];
  return a;
}

static void put(wasi_io_streams_borrow_output_stream_t out, const char *s, size_t n) {
  guest_list_u8_t list = {(uint8_t *)s, n};
  wasi_io_streams_stream_error_t err;
  if (!wasi_io_streams_method_output_stream_blocking_write_and_flush(out, &list, &err)) exit(3);
}

// copy reads to the end, and gives what it reads to out or prints it.
static void copy(wasi_io_streams_borrow_input_stream_t in, wasi_io_streams_borrow_output_stream_t *out) {
  for (;;) {
    guest_list_u8_t got;
    wasi_io_streams_stream_error_t err;
    if (!wasi_io_streams_method_input_stream_blocking_read(in, 1000, &got, &err)) {
      if (err.tag != WASI_IO_STREAMS_STREAM_ERROR_CLOSED) exit(4);
      return;
    }
    if (out) put(*out, (char *)got.ptr, got.len);
    else fwrite(got.ptr, 1, got.len, stdout);
    guest_list_u8_free(&got);
  }
}

static wasi_sockets_network_borrow_network_t network(void) {
  return wasi_sockets_network_borrow_network(wasi_sockets_instance_network_instance_network());
}

static wasi_sockets_tcp_own_tcp_socket_t tcp(void) {
  wasi_sockets_tcp_own_tcp_socket_t s;
  code err;
  need(wasi_sockets_tcp_create_socket_create_tcp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &s, &err), err);
  return s;
}

// connect sends what it is told to, ends its side, and prints the answer.
static void tcp_connect(address remote, const char *text) {
  wasi_sockets_tcp_own_tcp_socket_t own = tcp();
  wasi_sockets_tcp_borrow_tcp_socket_t s = wasi_sockets_tcp_borrow_tcp_socket(own);
  code err;
  uint8_t hops = 0;
  need(wasi_sockets_tcp_method_tcp_socket_set_hop_limit(s, 33, &err), err);
  need(wasi_sockets_tcp_method_tcp_socket_hop_limit(s, &hops, &err) && hops == 33, err);
  need(wasi_sockets_tcp_method_tcp_socket_set_keep_alive_enabled(s, true, &err), err);
  if (wasi_sockets_tcp_method_tcp_socket_set_hop_limit(s, 0, &err) || err != WASI_SOCKETS_NETWORK_ERROR_CODE_INVALID_ARGUMENT) exit(5);
  need(wasi_sockets_tcp_method_tcp_socket_start_connect(s, network(), &remote, &err), err);
  wasi_sockets_tcp_tuple2_own_input_stream_own_output_stream_t streams;
  while (!wasi_sockets_tcp_method_tcp_socket_finish_connect(s, &streams, &err)) {
    need(err == WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK, err);
    wait(wasi_sockets_tcp_method_tcp_socket_subscribe(s));
  }
  address there;
  need(wasi_sockets_tcp_method_tcp_socket_remote_address(s, &there, &err), err);
  if (there.val.ipv4.port != remote.val.ipv4.port) exit(6);
  put(wasi_io_streams_borrow_output_stream(streams.f1), text, strlen(text));
  need(wasi_sockets_tcp_method_tcp_socket_shutdown(s, WASI_SOCKETS_TCP_SHUTDOWN_TYPE_SEND, &err), err);
  copy(wasi_io_streams_borrow_input_stream(streams.f0), NULL);
  wasi_io_streams_input_stream_drop_own(streams.f0);
  wasi_io_streams_output_stream_drop_own(streams.f1);
  wasi_sockets_tcp_tcp_socket_drop_own(own);
}

// listen prints its port and answers one connection with what it gets.
static void tcp_listen(address local) {
  wasi_sockets_tcp_borrow_tcp_socket_t s = wasi_sockets_tcp_borrow_tcp_socket(tcp());
  code err;
  need(wasi_sockets_tcp_method_tcp_socket_start_bind(s, network(), &local, &err), err);
  need(wasi_sockets_tcp_method_tcp_socket_finish_bind(s, &err), err);
  need(wasi_sockets_tcp_method_tcp_socket_start_listen(s, &err), err);
  need(wasi_sockets_tcp_method_tcp_socket_finish_listen(s, &err), err);
  if (!wasi_sockets_tcp_method_tcp_socket_is_listening(s)) exit(7);
  need(wasi_sockets_tcp_method_tcp_socket_local_address(s, &local, &err), err);
  printf("%d\n", local.val.ipv4.port);
  fflush(stdout);
  wasi_sockets_tcp_tuple3_own_tcp_socket_own_input_stream_own_output_stream_t c;
  while (!wasi_sockets_tcp_method_tcp_socket_accept(s, &c, &err)) {
    need(err == WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK, err);
    wait(wasi_sockets_tcp_method_tcp_socket_subscribe(s));
  }
  wasi_io_streams_borrow_output_stream_t out = wasi_io_streams_borrow_output_stream(c.f2);
  copy(wasi_io_streams_borrow_input_stream(c.f1), &out);
  wasi_io_streams_input_stream_drop_own(c.f1);
  wasi_io_streams_output_stream_drop_own(c.f2);
  wasi_sockets_tcp_tcp_socket_drop_own(c.f0);
}

// udp sends one datagram and prints the one that comes back.
static void udp(address remote, const char *text) {
  wasi_sockets_udp_own_udp_socket_t own;
  code err;
  need(wasi_sockets_udp_create_socket_create_udp_socket(WASI_SOCKETS_NETWORK_IP_ADDRESS_FAMILY_IPV4, &own, &err), err);
  wasi_sockets_udp_borrow_udp_socket_t s = wasi_sockets_udp_borrow_udp_socket(own);
  address local = parse("127.0.0.1", "0");
  need(wasi_sockets_udp_method_udp_socket_start_bind(s, network(), &local, &err), err);
  need(wasi_sockets_udp_method_udp_socket_finish_bind(s, &err), err);
  wasi_sockets_udp_tuple2_own_incoming_datagram_stream_own_outgoing_datagram_stream_t streams;
  need(wasi_sockets_udp_method_udp_socket_stream(s, NULL, &streams, &err), err);
  wasi_sockets_udp_borrow_incoming_datagram_stream_t in = wasi_sockets_udp_borrow_incoming_datagram_stream(streams.f0);
  wasi_sockets_udp_borrow_outgoing_datagram_stream_t out = wasi_sockets_udp_borrow_outgoing_datagram_stream(streams.f1);
  uint64_t n = 0;
  while (n == 0) {
    need(wasi_sockets_udp_method_outgoing_datagram_stream_check_send(out, &n, &err), err);
    if (n == 0) wait(wasi_sockets_udp_method_outgoing_datagram_stream_subscribe(out));
  }
  wasi_sockets_udp_outgoing_datagram_t d = {.data = {(uint8_t *)text, strlen(text)}, .remote_address = {.is_some = true, .val = remote}};
  wasi_sockets_udp_list_outgoing_datagram_t list = {&d, 1};
  need(wasi_sockets_udp_method_outgoing_datagram_stream_send(out, &list, &n, &err), err);
  if (n != 1) exit(8);
  wasi_sockets_udp_list_incoming_datagram_t got = {0};
  while (got.len == 0) {
    need(wasi_sockets_udp_method_incoming_datagram_stream_receive(in, 5, &got, &err), err);
    if (got.len == 0) wait(wasi_sockets_udp_method_incoming_datagram_stream_subscribe(in));
  }
  if (got.ptr[0].remote_address.val.ipv4.port != remote.val.ipv4.port) exit(9);
  fwrite(got.ptr[0].data.ptr, 1, got.ptr[0].data.len, stdout);
  wasi_sockets_udp_incoming_datagram_stream_drop_own(streams.f0);
  wasi_sockets_udp_outgoing_datagram_stream_drop_own(streams.f1);
  wasi_sockets_udp_udp_socket_drop_own(own);
}

// lookup prints the addresses of a name.
static void lookup(char *name) {
  guest_string_t s;
  guest_string_set(&s, name);
  wasi_sockets_ip_name_lookup_own_resolve_address_stream_t own;
  code err;
  need(wasi_sockets_ip_name_lookup_resolve_addresses(network(), &s, &own, &err), err);
  wasi_sockets_ip_name_lookup_borrow_resolve_address_stream_t l = wasi_sockets_ip_name_lookup_borrow_resolve_address_stream(own);
  for (;;) {
    wasi_sockets_ip_name_lookup_option_ip_address_t a;
    if (!wasi_sockets_ip_name_lookup_method_resolve_address_stream_resolve_next_address(l, &a, &err)) {
      need(err == WASI_SOCKETS_NETWORK_ERROR_CODE_WOULD_BLOCK, err);
      wait(wasi_sockets_ip_name_lookup_method_resolve_address_stream_subscribe(l));
      continue;
    }
    if (!a.is_some) break;
    if (a.val.tag == WASI_SOCKETS_NETWORK_IP_ADDRESS_IPV4)
      printf("%d.%d.%d.%d\n", a.val.val.ipv4.f0, a.val.val.ipv4.f1, a.val.val.ipv4.f2, a.val.val.ipv4.f3);
    else
      printf("%x:%x:%x:%x:%x:%x:%x:%x\n", a.val.val.ipv6.f0, a.val.val.ipv6.f1, a.val.val.ipv6.f2, a.val.val.ipv6.f3,
             a.val.val.ipv6.f4, a.val.val.ipv6.f5, a.val.val.ipv6.f6, a.val.val.ipv6.f7);
  }
  wasi_sockets_ip_name_lookup_resolve_address_stream_drop_own(own);
}

static char *text(guest_string_t s) { return strndup((char *)s.ptr, s.len); }

// tcp IP PORT TEXT, listen IP PORT, udp IP PORT TEXT, lookup NAME, many
bool exports_wasi_cli_run_run(void) {
  guest_list_string_t args;
  wasi_cli_environment_get_arguments(&args);
  char *a[5] = {0};
  for (size_t i = 0; i < args.len && i < 5; i++) a[i] = text(args.ptr[i]);
  if (!strcmp(a[1], "tcp")) tcp_connect(parse(a[2], a[3]), a[4]);
  else if (!strcmp(a[1], "listen")) tcp_listen(parse(a[2], a[3]));
  else if (!strcmp(a[1], "udp")) udp(parse(a[2], a[3]), a[4]);
  else if (!strcmp(a[1], "lookup")) lookup(a[2]);
  else for (;;) tcp(); // until there are too many
  fflush(stdout);
  return true;
}

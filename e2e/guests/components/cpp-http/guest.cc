// A component in C++ with libc++ and the adapter of preview 1: the canonical ABI
// by hand, below classes that own their handles. What it does is chosen by its
// path; see handle.
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#define IMPORT(module, name) extern "C" __attribute__((import_module(module), import_name(name)))
#define HTTP(name) IMPORT("wasi:http/types@0.2.0", name)
#define STREAMS(name) IMPORT("wasi:io/streams@0.2.0", name)

HTTP("[constructor]fields") int32_t fields_new();
HTTP("[method]fields.append") void fields_append(int32_t, const char *, size_t, const char *, size_t, void *);
HTTP("[method]incoming-request.path-with-query") void request_path(int32_t, void *);
HTTP("[method]incoming-request.consume") void request_consume(int32_t, void *);
HTTP("[method]incoming-body.stream") void in_body_stream(int32_t, void *);
HTTP("[constructor]outgoing-response") int32_t response_new(int32_t);
HTTP("[method]outgoing-response.set-status-code") int32_t response_status(int32_t, int32_t);
HTTP("[method]outgoing-response.body") void response_body(int32_t, void *);
HTTP("[method]outgoing-body.write") void out_body_write(int32_t, void *);
HTTP("[static]outgoing-body.finish") void out_body_finish(int32_t, int32_t, int32_t, void *);
HTTP("[static]response-outparam.set") void outparam_set(int32_t, int32_t, int32_t, int32_t, int64_t, int32_t, int32_t, int32_t, int32_t);
HTTP("[constructor]outgoing-request") int32_t out_request_new(int32_t);
HTTP("[method]outgoing-request.set-scheme") int32_t out_request_scheme(int32_t, int32_t, int32_t, const char *, size_t);
HTTP("[method]outgoing-request.set-authority") int32_t out_request_authority(int32_t, int32_t, const char *, size_t);
HTTP("[method]outgoing-request.set-path-with-query") int32_t out_request_path(int32_t, int32_t, const char *, size_t);
HTTP("[method]future-incoming-response.subscribe") int32_t future_subscribe(int32_t);
HTTP("[method]future-incoming-response.get") void future_get(int32_t, void *);
HTTP("[method]incoming-response.status") int32_t in_response_status(int32_t);
HTTP("[method]incoming-response.consume") void in_response_consume(int32_t, void *);
HTTP("[resource-drop]incoming-body") void drop_in_body(int32_t);
IMPORT("wasi:http/outgoing-handler@0.2.0", "handle") void outgoing_handle(int32_t, int32_t, int32_t, void *);
IMPORT("wasi:io/poll@0.2.0", "[method]pollable.block") void pollable_block(int32_t);
IMPORT("wasi:io/poll@0.2.0", "[resource-drop]pollable") void drop_pollable(int32_t);
STREAMS("[method]input-stream.blocking-read") void in_read(int32_t, int64_t, void *);
STREAMS("[method]output-stream.blocking-write-and-flush") void out_write(int32_t, const char *, size_t, void *);
STREAMS("[method]output-stream.blocking-splice") void out_splice(int32_t, int32_t, int64_t, void *);
STREAMS("[resource-drop]output-stream") void drop_out(int32_t);
STREAMS("[resource-drop]input-stream") void drop_in(int32_t);

extern "C" __attribute__((export_name("cabi_realloc"))) void *cabi_realloc(void *old, size_t, size_t align, size_t size) {
  if (size == 0) return reinterpret_cast<void *>(align);
  if (void *p = std::realloc(old, size)) return p;
  std::abort();
}

namespace {

void need(bool ok) { if (!ok) std::abort(); }

// Result is where a function writes what it returns.
class Result {
  alignas(8) std::array<int32_t, 16> words{};
public:
  operator void *() { return words.data(); }
  int32_t operator[](size_t i) const { return words[i]; }
  bool ok() const { return (words[0] & 0xff) == 0; }
  int32_t must() const { need(ok()); return words[1]; }
  // text takes the list at word i.
  std::string text(size_t i) const {
    auto p = reinterpret_cast<char *>(words[i]);
    std::string s(p, words[i + 1]);
    if (words[i + 1] > 0) std::free(p);
    return s;
  }
};

// Input is a body and its stream.
class Input {
  int32_t body, stream;
public:
  explicit Input(int32_t body) : body(body) { Result r; in_body_stream(body, r); stream = r.must(); }
  Input(const Input &) = delete;
  ~Input() { drop_in(stream); drop_in_body(body); }
  int32_t handle() const { return stream; }
  std::optional<std::string> read() {
    Result r;
    in_read(stream, 64 << 10, r);
    if (!r.ok()) { need((r[1] & 0xff) == 1); return std::nullopt; }
    return r.text(1);
  }
};

// Reply sends its head when it is made, and its body's end when it goes.
class Reply {
  int32_t body, stream;
public:
  using Headers = std::vector<std::pair<std::string_view, std::string_view>>;
  Reply(int32_t out, int32_t status, const Headers &headers) {
    int32_t fields = fields_new();
    Result r;
    for (auto [name, value] : headers) {
      fields_append(fields, name.data(), name.size(), value.data(), value.size(), r);
      need(r.ok());
    }
    int32_t response = response_new(fields);
    need(response_status(response, status) == 0);
    response_body(response, r);
    body = r.must();
    outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
    out_body_write(body, r);
    stream = r.must();
  }
  Reply(const Reply &) = delete;
  bool write(std::string_view s) {
    for (Result r; !s.empty(); s.remove_prefix(std::min<size_t>(s.size(), 4096))) {
      out_write(stream, s.data(), std::min<size_t>(s.size(), 4096), r);
      if (!r.ok()) return false;
    }
    return true;
  }
  void splice(const Input &in) {
    for (Result r; r.ok();) out_splice(stream, in.handle(), 64 << 10, r);
  }
  bool finish() {
    drop_out(stream);
    Result r;
    out_body_finish(body, 0, 0, r);
    return r.ok();
  }
};

const Reply::Headers plain{{"content-type", "text/plain"}}, octets{{"content-type", "application/octet-stream"}};

void text(int32_t out, std::string_view content) {
  Reply reply(out, 200, plain);
  need(reply.write(content) && reply.finish());
}

// pass passes on what http://AUTHORITY/PATH gives.
void pass(int32_t out, const std::string &rest) {
  size_t slash = std::min(rest.find('/'), rest.size());
  std::string path = slash < rest.size() ? rest.substr(slash) : "/";
  int32_t request = out_request_new(fields_new());
  need(out_request_scheme(request, 1, 0, nullptr, 0) == 0);
  need(out_request_authority(request, 1, rest.data(), slash) == 0);
  need(out_request_path(request, 1, path.data(), path.size()) == 0);
  Result r;
  outgoing_handle(request, 0, 0, r);
  if (!r.ok()) return text(out, "refused");
  int32_t future = r[2], pollable = future_subscribe(future);
  pollable_block(pollable);
  drop_pollable(pollable);
  future_get(future, r);
  need((r[0] & 0xff) == 1 && (r[2] & 0xff) == 0);
  if ((r[4] & 0xff) != 0) return text(out, "refused");
  int32_t response = r[6];
  in_response_consume(response, r);
  Input in(r.must());
  Reply reply(out, in_response_status(response), plain);
  reply.splice(in);
  need(reply.finish());
}

uint64_t fnv(uint64_t hash, std::string_view piece) {
  for (unsigned char c : piece) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

Input body_of(int32_t request) {
  Result r;
  request_consume(request, r);
  return Input(r.must());
}

void pages(int32_t out, int n) {
  Reply reply(out, 200, octets);
  std::string page(4096, 0);
  for (int k = 0; k < n; k++) {
    for (size_t i = 0; i < page.size(); i++) page[i] = char(i + k);
    need(reply.write(page));
  }
  need(reply.finish());
}

void drain(int32_t out, int32_t request) {
  uint64_t count = 0, hash = 0xcbf29ce484222325;
  {
    Input in = body_of(request);
    while (auto piece = in.read()) { count += piece->size(); hash = fnv(hash, *piece); }
  }
  char told[64];
  text(out, std::string_view(told, std::snprintf(told, sizeof told, "%llu bytes, fnv %016llx", count, hash)));
}

void words(int32_t out, std::string_view rest) {
  std::map<std::string, int> counts;
  for (size_t at = 0; at <= rest.size();) {
    size_t end = std::min(rest.find('/', at), rest.size());
    counts[std::string(rest.substr(at, end - at))]++;
    at = end + 1;
  }
  std::string told;
  for (auto &[word, n] : counts) told += word + " " + std::to_string(n) + "\n";
  text(out, told);
}

} // namespace

extern "C" __attribute__((export_name("wasi:http/incoming-handler@0.2.0#handle"))) void handle(int32_t request, int32_t out) {
  Result r;
  request_path(request, r);
  need((r[0] & 0xff) == 1);
  std::string target = r.text(1), path = target.substr(0, target.find('?'));
  size_t slash = std::min(path.find('/', 1), path.size());
  std::string verb = path.substr(1, slash - 1), rest = slash < path.size() ? path.substr(slash + 1) : "";
  if (verb == "echo") { // sends the body back while it comes
    Input in = body_of(request);
    Reply reply(out, 200, octets);
    reply.splice(in);
    need(reply.finish());
  } else if (verb == "drain") { // reads the body and tells what came
    drain(out, request);
  } else if (verb == "pages") { // pages/N sends N pages
    pages(out, std::atoi(rest.c_str()));
  } else if (verb == "status") { // status/N has no body
    int32_t response = response_new(fields_new());
    need(response_status(response, std::atoi(rest.c_str())) == 0);
    outparam_set(out, 0, response, 0, 0, 0, 0, 0, 0);
  } else if (verb == "short") { // declares more than it writes
    Reply reply(out, 200, {{"content-type", "text/plain"}, {"content-length", "10"}});
    bool told = !reply.write("short");
    told |= !reply.finish();
    std::fprintf(stderr, "short: told %d\n", told);
  } else if (verb == "long") { // declares less
    Reply reply(out, 200, {{"content-type", "text/plain"}, {"content-length", "4"}});
    bool told = !reply.write("too long");
    told |= !reply.finish();
    std::fprintf(stderr, "long: told %d\n", told);
  } else if (verb == "pass") { // pass/AUTHORITY/PATH passes on what it gets
    pass(out, rest);
  } else if (verb == "words") { // words/A/B/A counts them
    words(out, rest);
  } else if (verb == "panic") {
    std::abort();
  } else {
    text(out, "Hello from C++");
  }
}

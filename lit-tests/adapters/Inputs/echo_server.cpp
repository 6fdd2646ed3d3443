// purpose: an echo server with 24 clients whose buffers come from 16 KiB: ten at a time.
// layer: tests; includes mneme, its adapter and Asio: with MNEME_BOOST_ASIO, Boost's.
// threads: as many as the first argument says run the loop.
// invariants: no client fails; each waits for its turn; the heap is whole at the end.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <mneme/adapters/asio.hpp>
#include <mneme/adapters/asio_timer.hpp>
#include <mneme/mneme.hpp>
#include <string>
#include <thread>
#include <vector>

#ifdef MNEME_BOOST_ASIO
namespace asio = boost::asio;
using boost::system::error_code;
#else
#include <asio/experimental/awaitable_operators.hpp>
using asio::error_code;
#endif

namespace {

using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

constexpr int clients_count = 24;
constexpr std::size_t message_bytes = 1500;

alignas(16) std::byte region[std::size_t{16} * 1024];
std::atomic<int> clients_done{0};
std::atomic<int> echoes{0};

awaitable<void> serve(mneme::Heap& heap, tcp::socket socket) {
  for (;;) {
    // No buffer while there is nothing to read: a client that sleeps costs no memory.
    co_await socket.async_wait(tcp::socket::wait_read, use_awaitable);
    auto buffer = co_await mneme::asio_await(heap.make_array_for_overwrite<char>(message_bytes),
                                             use_awaitable);
    if (!buffer) co_return;
    error_code error;
    const std::size_t size =
        co_await asio::async_read(socket, asio::buffer(buffer->data(), buffer->size()),
                                  asio::redirect_error(use_awaitable, error));
    if (size == 0) co_return;
    co_await asio::async_write(socket, asio::buffer(buffer->data(), size), use_awaitable);
    ++echoes;
  }
}

awaitable<void> listen(mneme::Heap& heap, tcp::acceptor& acceptor) {
  for (int i = 0; i < clients_count; ++i) {
    tcp::socket socket = co_await acceptor.async_accept(use_awaitable);
    asio::co_spawn(acceptor.get_executor(), serve(heap, std::move(socket)), asio::detached);
  }
}

awaitable<void> be_client(tcp::endpoint server, int number) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, use_awaitable);
  for (int round = 0; round < 20; ++round) {
    const std::string message(message_bytes, static_cast<char>('a' + (number + round) % 26));
    std::string reply(message_bytes, ' ');
    co_await asio::async_write(socket, asio::buffer(message), use_awaitable);
    co_await asio::async_read(socket, asio::buffer(reply), use_awaitable);
    if (reply != message) std::abort();
  }
  ++clients_done;
}

/// A handler that is no coroutine; it runs on the loop, and says how its request ended.
auto report(asio::io_context& loop, const char* name) {
  return asio::bind_executor(loop, [name](auto result) {
    std::printf("%s: %s\n", name, result ? "granted" : mneme::to_string(result.error()));
  });
}

#ifndef MNEME_BOOST_ASIO  // Debian's, 1.74, has no slots
awaitable<void> cancel_by_slots(asio::io_context& loop, mneme::Heap& heap) {
  using asio::experimental::awaitable_operators::operator||;
  asio::steady_timer timer(loop, std::chrono::milliseconds(5));
  const auto first = co_await (mneme::asio_alloc(heap, {.size = 8000}, use_awaitable) ||
                               timer.async_wait(use_awaitable));
  std::printf("timed out: %s, %zu wait\n", first.index() == 1 ? "yes" : "no", heap.stats().waiting);

  asio::cancellation_signal signal;
  mneme::asio_alloc(heap, {.size = 8000},
                    asio::bind_cancellation_slot(signal.slot(), report(loop, "a slot")));
  signal.emit(asio::cancellation_type::total);
  // Posts run in order: the slot's handler comes first.
  co_await asio::post(loop, use_awaitable);
}
#endif

awaitable<void> end_otherwise(asio::io_context& loop, mneme::Heap& heap) {
  auto hog = co_await mneme::asio_alloc(heap, {.size = 16000}, use_awaitable);
#ifndef MNEME_BOOST_ASIO
  co_await cancel_by_slots(loop, heap);
#endif
  const auto late = co_await mneme::asio_await(
      heap.make_array<char>(8000).until(mneme::asio_after(loop, std::chrono::milliseconds(5))),
      use_awaitable);
  std::printf("a limit: %s, %zu wait\n", late ? "granted" : mneme::to_string(late.error()),
              heap.stats().waiting);
  mneme::asio_alloc(heap, {.size = 1 << 20}, report(loop, "too much"));
  // A limit that does not fire ends with its request, and keeps no loop.
  mneme::asio_await(
      heap.allocate({.size = 8000}).until(mneme::asio_after(loop, std::chrono::seconds(30))),
      report(loop, "a callback"));
  hog->reset();
  std::puts("freed, and no handler has run inside that");
  const auto last = co_await mneme::asio_alloc(heap, {.size = 16000}, use_awaitable);
  mneme::asio_alloc(heap, {.size = 8000}, report(loop, "at the end"));
  heap.close();
}

void run(asio::io_context& loop, int threads_count) {
  std::vector<std::jthread> threads;
  for (int i = 1; i < threads_count; ++i) threads.emplace_back([&loop] { loop.run(); });
  loop.run();
}

}  // namespace

int main(int argc, char** argv) {
  const int threads_count = argc > 1 ? std::atoi(argv[1]) : 1;
  mneme::Heap heap{region};
  asio::io_context loop;
  tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(loop, listen(heap, acceptor), asio::detached);
  for (int i = 0; i < clients_count; ++i) {
    asio::co_spawn(loop, be_client(acceptor.local_endpoint(), i), asio::detached);
  }
  run(loop, threads_count);
  const mneme::Stats stats = heap.stats();
  std::printf("clients done %d of %d, %d echoes; some waited: %s; at most ten buffers: %s\n",
              clients_done.load(), clients_count, echoes.load(), stats.waits > 0 ? "yes" : "no",
              stats.peak_bytes <= sizeof region ? "yes" : "no");
  loop.restart();
  asio::co_spawn(loop, end_otherwise(loop, heap), asio::detached);
  run(loop, 1);
  std::printf("sound: %s, %zu live\n", heap.validate() == nullptr ? "yes" : "no",
              heap.stats().live);
}

// purpose: the first program: two tasks, and a heap with room for one packet; one of them waits.
// layer: examples; includes mneme and task.
// threads: one.
// invariants: none.
#include <array>
#include <cstddef>
#include <cstdio>
#include <mneme/mneme.hpp>
#include <utility>

#include "task.hpp"

using examples::Task;

namespace {

struct Packet {
  int number = 0;
  std::array<char, 1500> text{};
};

// Parameters are kept in the coroutine's frame; objects that they refer to must outlive the task.
Task send(mneme::Heap& heap, int number, mneme::Box<Packet>& outbox) {
  std::printf("task %d: asks for a packet\n", number);
  // If there is no room, the task sleeps until there is. Waiting allocates nothing: the request is
  // part of this coroutine's frame. An error means that the request can never be met.
  auto packet = co_await heap.make<Packet>(number);
  if (!packet) {
    std::printf("task %d: %s\n", number, mneme::to_string(packet.error()));
    co_return;
  }
  std::printf("task %d: has packet %d\n", number, (*packet)->number);
  outbox = *std::move(packet);
}

}  // namespace

int main() {
  // This is all the memory there is, without any malloc: room for one packet, but not for two.
  alignas(16) static std::byte region[2048];
  mneme::Heap heap{region};
  mneme::Box<Packet> first_out;
  mneme::Box<Packet> second_out;

  Task first = send(heap, 1, first_out);
  Task second = send(heap, 2, second_out);
  std::printf("main: %zu request waits\n", heap.stats().waiting);

  // Freeing grants the memory to the oldest waiting request, but does not run its task: the free
  // may be in an interrupt, where no task should run.
  std::puts("main: frees packet 1");
  first_out.reset();
  std::printf("main: %zu requests wait, task 2 is %s\n", heap.stats().waiting,
              second.done() ? "done" : "not done");

  // The idle loop of a program polls its heap: that resumes the tasks whose requests were granted.
  std::puts("main: polls");
  heap.poll();

  // A request that can never be met is refused at once, so that no other waits behind it for ever.
  if (heap.try_allocate({.size = 4096}) == nullptr) std::puts("main: 4096 bytes are too many");
  return first.done() && second.done() ? 0 : 1;
}

// purpose: two to four real threads on one heap, for ThreadSanitizer to watch.
// room: fuzz; includes the library and the driver's codec.
// threads: as the input says. It finds races rather than reproducing them, so it tells what it ran.
// invariants: P3, P5, P8, P9, P11.
#include <thread>
#include <vector>

#include "shared/actor.hpp"
#include "shared/world.hpp"

using namespace mneme;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::World world({data, size});
  {
    std::atomic<std::size_t> arrived{0};
    std::vector<std::jthread> threads;
    threads.reserve(world.tasks);
    for (std::size_t task = 0; task < world.tasks; ++task) {
      threads.emplace_back([&world, &arrived, task] {
        fuzz::Actor actor(world.heap, task + 1);
        arrived.fetch_add(1, std::memory_order_relaxed);
        while (arrived.load(std::memory_order_relaxed) < world.tasks) std::this_thread::yield();
        while (const driver::Op* const op = world.next_step(task)) actor.step(*op);
        actor.finish();
      });
    }
  }
  fuzz::check_end(world.heap);
  return 0;
}

// purpose: two to four real threads on one heap, for ThreadSanitizer to watch.
// layer: fuzz; includes the library and the driver's codec.
// threads: as the input says. A race may not recur, so a finding includes what was run.
// invariants: P1 at the end, P3, P5, P8, P9, P11.
#include <barrier>
#include <memory>
#include <thread>
#include <vector>

#include "support/actor.hpp"
#include "support/world.hpp"

using namespace mneme;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::World world({data, size});
  fuzz::Actors actors;
  actors.reserve(world.tasks);
  for (std::size_t task = 0; task < world.tasks; ++task) {
    actors.push_back(std::make_unique<fuzz::Actor>(world.heap, task + 1));
  }
  {
    std::atomic<std::size_t> arrived{0};
    std::barrier rest(static_cast<std::ptrdiff_t>(world.tasks),
                      [&]() noexcept { check_rest(world.heap, actors, world.has_deferred()); });
    std::vector<std::jthread> threads;
    threads.reserve(world.tasks);
    for (std::size_t task = 0; task < world.tasks; ++task) {
      threads.emplace_back([&, task] {
        fuzz::Actor& actor = *actors[task];
        arrived.fetch_add(1, std::memory_order_relaxed);
        while (arrived.load(std::memory_order_relaxed) < world.tasks) std::this_thread::yield();
        while (const driver::Op* const op = world.next_step(task)) actor.step(*op);
        actor.unlock();
        rest.arrive_and_wait();
        actor.finish();
      });
    }
  }
  fuzz::check_end(world.heap);
  return 0;
}

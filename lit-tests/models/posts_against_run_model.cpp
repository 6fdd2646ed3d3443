// RUN: %model | FileCheck %s
// RUN: %fails --weaken=ready_queue.post | FileCheck %s --check-prefix=RACE
// RUN: %fails --weaken=ready_queue.drain | FileCheck %s --check-prefix=RACE
// CHECK: posts_against_run: full search: {{([0-9]{2,})}} interleavings, no failure
// CHECK-NEXT: posts_against_run: random: 4000 interleavings, no failure
// RACE: posts_against_run: {{.*}}: DATA RACE in interleaving
// purpose: shows that a loop which runs its queue when it is woken resumes each coroutine once.
// layer: tests; includes everything.
// threads: two post a coroutine each; one sleeps until it is woken, and runs the queue.
// invariants: a coroutine sees what was done before it was posted; no wakeup is lost.
#include "Inputs/coroutine.hpp"

#include <mneme/waiting/resume_on.hpp>

using namespace mneme;

namespace {

struct PostsAgainstRun : rl::test_suite<PostsAgainstRun, 3> {
  model::Bell bell;
  std::optional<ReadyQueue> queue;
  ReadyTask nodes[2];
  model::Ghost results[2];
  model::Coroutine tasks[2];
  int resumed = 0;

  struct Suspend : std::suspend_always {
    ReadyTask* node;
    void await_suspend(std::coroutine_handle<> task) const noexcept { node->handle = task; }
  };

  model::Coroutine wait(unsigned id) {
    co_await Suspend{{}, &nodes[id]};
    results[id].touch();
    ++resumed;
  }

  void before() {
    queue.emplace(Waker{.wake = [](void* own) noexcept { static_cast<model::Bell*>(own)->ring(); },
                        .context = &bell});
    for (unsigned id = 0; id < 2; ++id) tasks[id] = wait(id);
  }

  void thread(unsigned id) {
    if (id < 2) {
      results[id].touch();
      queue->post(nodes[id]);
    } else {
      while (resumed < 2) {
        bell.wait();
        queue->run();
      }
    }
  }

  void after() { RL_ASSERT(resumed == 2 && tasks[0].done() && tasks[1].done()); }
};

}  // namespace

const model::Searched<PostsAgainstRun> posts_against_run{{.full = true}};

// purpose: the main of all models: searches the interleavings, and prints one line for each search.
// layer: tests; includes model.
// threads: one; relacy plays the others.
// invariants: output and exit code are the same in every run: 0 good, 1 a failure found, 2 usage.
#include <CLI/CLI.hpp>

#include "model.hpp"

// A model's program has these options, and is run from the top of the source tree:
//
//   (none)              the searches that the model says, a minute at most
//   --brief             the same, but for long ones: fewer preemptions, some seconds at most
//   --long              one more preemption and a thousand times as many at random: hours
//   --preemptions=N, --full, --random=N     instead of what the model says
//   --weaken=TAG[=ORDER]   the order with this tag is relaxed, or ORDER, in all searches
//   --lose=TAG             the operation with this tag writes nothing; of several bits at once,
//                          only the highest is not written
//
// A tag is what the comment above an operation in include/mneme says: lock.acquire, free.push. The
// last two are mutations: they show that a model would notice. The test that holds the list of tags
// against those that models weaken is every_order_is_shown_to_be_needed.test.

using namespace mneme::model;

namespace {

const Model* the_model = nullptr;  // that is searched

/// Any model of so many threads.
template <unsigned threads>
class AnySuite : public rl::test_suite<AnySuite<threads>, threads> {
 public:
  AnySuite() { the_model->construct(object_); }
  ~AnySuite() { the_model->destroy(object_); }
  void before() { the_model->before(object_); }
  void thread(unsigned id) { the_model->thread(object_, id); }
  void after() { the_model->after(object_); }

 private:
  alignas(std::max_align_t) std::byte object_[Model::size_max];
};

bool simulate(rl::test_params& parameters) {
  switch (the_model->threads) {
    case 2: return rl::simulate<AnySuite<2>>(parameters);
    case 3: return rl::simulate<AnySuite<3>>(parameters);
    case 4: return rl::simulate<AnySuite<4>>(parameters);
    case 5: return rl::simulate<AnySuite<5>>(parameters);
    default: throw std::runtime_error("add a case for this number of threads to search.cpp");
  }
}

struct Options {
  Plan plan = the_model->plan;
  std::string weaken;
  std::string lose;
};

const std::vector<std::string> orders{"relaxed", "consume", "acquire",
                                      "release", "acq_rel", "seq_cst"};

std::memory_order order_named(const std::string& name) {
  const auto found = std::ranges::find(orders, name);
  if (found == orders.end()) throw std::runtime_error("no order '" + name + "'");
  return static_cast<std::memory_order>(found - orders.begin());
}

/// Finds the operation below the comment that defines a tag, as tools/atomic_tags.py describes it.
Mutation mutation_of(Mutation::Kind kind, std::string tag) {
  Mutation result;
  result.kind = kind;
  if (const auto equals = tag.find('='); equals != std::string::npos) {
    result.to = order_named(tag.substr(equals + 1));
    tag.resize(equals);
  }
  const std::string stated = "(" + tag + ") ";
  for (const auto& entry : std::filesystem::recursive_directory_iterator("include/mneme")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    bool found = false;
    unsigned number = 1;
    for (std::string line; std::getline(file, line); ++number) {
      if (const bool comment = line.find_first_not_of(' ') == line.find("//"); found && !comment) {
        if (result.first_line == 0) result.first_line = number;
        if (!line.contains(';')) continue;
        result.file = entry.path().string();
        result.last_line = number;
        return result;
      }
      const auto at = line.find(stated);
      if (at == std::string::npos) continue;
      const std::string order = line.substr(at + stated.size());
      const auto colon = order.find(':');
      if (colon == std::string::npos ||
          std::ranges::find(orders, order.substr(0, colon)) == orders.end()) {
        continue;  // named as a partner
      }
      result.from = order_named(order.substr(0, colon));
      found = true;
    }
  }
  throw std::runtime_error("no operation has the tag '" + tag + "' in include/mneme");
}

/// One search. Prints how it went, and with a failure what happened, step by step.
bool search(const std::string& name, const std::string& how, rl::test_params parameters) {
  // Nothing may be allocated while relacy watches memory, so its report goes to a buffer.
  static std::array<char, 1 << 18> buffer;
  std::ospanstream report{std::span<char>(buffer)};
  parameters.output_stream = &report;
  parameters.progress_stream = &report;
  const bool good = simulate(parameters);
  std::cout << name << ": " << how << ": ";
  if (good) {
    std::cout << parameters.stop_iteration << " interleavings, no failure\n" << std::flush;
    return true;
  }
  std::cout << rl::test_result_str(parameters.test_result) << " in interleaving "
            << parameters.stop_iteration << '\n';
  const auto text = report.span();
  std::cout.write(text.data(), static_cast<std::streamsize>(text.size()));
  std::cout << std::flush;
  return false;
}

bool search_all(const std::string& name, const Plan& plan) {
  rl::test_params parameters;
  if (plan.full) {
    parameters.search_type = rl::sched_full;
    if (!search(name, "full search", parameters)) return false;
  } else {
    parameters.search_type = rl::sched_bound;
    parameters.context_bound = plan.preemptions;
    const std::string how =
        std::to_string(plan.preemptions) + (plan.preemptions == 1 ? " preemption" : " preemptions");
    if (!search(name, how, parameters)) return false;
  }
  if (plan.random == 0) return true;
  parameters.search_type = rl::sched_random;
  parameters.iteration_count = plan.random;
  return search(name, "random", parameters);
}

}  // namespace

int main(int argc, char** argv) try {
  const std::string program = std::filesystem::path(argv[0]).filename().string();
  const auto found = std::ranges::find(models, program, &Model::name);
  if (found == models.end()) throw std::runtime_error("no model '" + program + "'");
  the_model = &*found;
  Options options;
  CLI::App app{"Searches the interleavings of a model of mneme."};
  app.add_flag_callback("--long", [&] {
    ++options.plan.preemptions;
    options.plan.random *= 1000;
  });
  app.add_flag_callback("--brief", [&] {
    if (options.plan.brief == Plan::as_said) return;
    options.plan.preemptions = options.plan.brief;
    options.plan.full = false;
  });
  app.add_flag("--full", options.plan.full);
  app.add_option_function<unsigned>("--preemptions", [&](unsigned preemptions) {
    options.plan.preemptions = preemptions;
    options.plan.full = false;
  });
  app.add_option("--random", options.plan.random);
  auto* const weaken = app.add_option("--weaken", options.weaken);
  app.add_option("--lose", options.lose)->excludes(weaken);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (!options.weaken.empty()) {
    mutation = mutation_of(Mutation::Kind::weaken, options.weaken);
  } else if (!options.lose.empty()) {
    mutation = mutation_of(Mutation::Kind::lose, options.lose);
  }
  return search_all(program.substr(0, program.rfind("_model")), options.plan) ? 0 : 1;
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << '\n';
  return 2;
}

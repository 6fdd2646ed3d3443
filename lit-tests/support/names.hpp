// purpose: the names that most tests of the library use, for `using namespace tests::names`.
// layer: tests; includes mneme and the tests' support.
// threads: none.
// invariants: none.
#pragma once

#include <mneme/mneme.hpp>

#include "tasks.hpp"
#include "words.hpp"

namespace tests::names {

using mneme::Allocation;
using mneme::AllocError;
using mneme::Guard;
using mneme::Heap;
using mneme::Request;
using mneme::RequestState;
using mneme::word_bytes;
using mneme::test::operator""_words;
using tests::Alarm;
using tests::bytes;
using tests::failed;
using tests::granted;
using tests::Probe;
using tests::sound;
using tests::Task;
using tests::TestHeap;
using tests::whole;

}  // namespace tests::names

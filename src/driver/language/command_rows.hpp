// purpose: the arguments and options of the rows of the language table.
// layer: language; includes command_table.
// threads: constant data.
// invariants: options are in canonical order.
#pragma once

#include <array>
#include <cstdint>

#include "command_table.hpp"

namespace mneme::driver::rows {

inline constexpr std::array name_only{Argument{ArgumentKind::name, "NAME"}};
inline constexpr std::array size_only{Argument{ArgumentKind::size, "SIZE"}};
inline constexpr std::array name_size{Argument{ArgumentKind::name, "NAME"},
                                      Argument{ArgumentKind::size, "SIZE"}};
inline constexpr std::array name_sizes{Argument{ArgumentKind::name, "NAME"},
                                       Argument{ArgumentKind::sizes, "SIZE"}};
inline constexpr std::array name_count{Argument{ArgumentKind::name, "NAME"},
                                       Argument{ArgumentKind::count, "COUNT"}};
inline constexpr std::array name_capacity{Argument{ArgumentKind::name, "NAME"},
                                          Argument{ArgumentKind::count, "CAPACITY"}};
inline constexpr std::array name_new_name{Argument{ArgumentKind::name, "NAME"},
                                          Argument{ArgumentKind::new_name, "NEWNAME"}};
inline constexpr std::array name_state{Argument{ArgumentKind::name, "NAME"},
                                       Argument{ArgumentKind::state, "STATE"}};
inline constexpr std::array key_numbers{
    Argument{ArgumentKind::key_numbers, "KEY [<=|>=] NUMBER [KEY [<=|>=] NUMBER]..."}};
inline constexpr std::array name_at_offset{Argument{ArgumentKind::name, "NAME"},
                                           Argument{ArgumentKind::literal, "at"},
                                           Argument{ArgumentKind::size, "OFFSET"}};
inline constexpr std::array queue_of_names{Argument{ArgumentKind::literal, "queue"},
                                           Argument{ArgumentKind::queue_names, "[NAME]..."}};

// A command that a fuzzer should choose more often has more places.
template <std::uint8_t... all>
inline constexpr std::array<std::uint8_t, sizeof...(all)> places{all...};

inline constexpr std::array heap_options{
    Option{OptionKind::raw, "raw", "HEAP",
           "The raw heap that manages the region (see Raw heaps). Default: bounded."},
    Option{OptionKind::queue, "queue", "POLICY",
           "The order in which waiting requests are granted (see Queues). Default: fifo."},
    Option{OptionKind::poll, "poll", "manual|auto",
           "auto: poll after every step, so that granted tasks continue at once. Default: manual."},
    Option{OptionKind::align, "align", "N",
           "Alignment of blocks without align, a power of two. Default: 16, as in C++."}};
inline constexpr std::array named_heap_options{heap_options[0], heap_options[1], heap_options[3]};
inline constexpr Option in_heap{OptionKind::in, in_word, "HEAP",
                                "The heap, if it is not the first one."};
inline constexpr std::array in_option{in_heap};
inline constexpr std::array alloc_options{
    in_heap,
    Option{OptionKind::align, "align", "N",
           "Alignment of the payload in bytes, a power of two. Default: the heap's."},
    Option{OptionKind::priority, "priority", "N",
           "With queue=priority:LEVELS: the level of the request. Default: 0, the lowest."},
    Option{OptionKind::holding, "holding", "",
           "With queue=holders-first: the request is that of a holder. In a task that is seen by "
           "what it holds.",
           true},
    Option{OptionKind::try_now, "try", "", "Refuse the request if it would have to wait."},
    Option{OptionKind::guard, "guard", "",
           "Allocate through the guard that 'lock' took, past all waiting requests, or be refused.",
           true},
    Option{OptionKind::timeout, "timeout", "",
           "In a task: the wait may be given up at any moment. The name then holds no block, and "
           "freeing it does nothing.",
           true}};
inline constexpr std::array free_options{
    Option{OptionKind::defer, "defer", "",
           "Only queue the block, as defer_free does; the next unlock, request or poll reclaims "
           "it. Only for blocks made by 'alloc'."}};

inline constexpr std::array name_copies{Argument{ArgumentKind::name, "NAME"},
                                        Argument{ArgumentKind::copies, "[xN]"}};
inline constexpr std::array repeats_only{Argument{ArgumentKind::repeats, "N|forever"}};
inline constexpr std::array mailbox_name{Argument{ArgumentKind::name, "MAILBOX"},
                                         Argument{ArgumentKind::new_name, "NAME"}};
inline constexpr std::array ending_only{Argument{ArgumentKind::ending, "deadlock|safe"}};

}  // namespace mneme::driver::rows

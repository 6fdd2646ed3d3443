// purpose: the language reference as text, for `mneme language`.
// layer: language; includes language.
// threads: pure functions.
// invariants: at most 80 columns; all that the parser decides comes from the table it uses.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <string_view>

#include "command_table.hpp"

namespace mneme::driver {

namespace {

constexpr std::size_t columns_max = 80;

struct Section {
  std::string_view title;
  std::string_view text;
};

constexpr std::string_view introduction =
    R"(A script drives one asynchronous heap, step by step. Run it with 'mneme run
FILE' ('-' is standard input), print it in canonical form with 'mneme fmt
FILE'.

  heap 1K                     # a region of 1,024 bytes
  alloc a 600                 # granted at once
  alloc b 600 align=64        # no room: b waits
  free a                      # now b is granted ...
  poll                        # ... and its task runs
  free b
  expect used 0 waiting 0     # exit code 1 if this is not so
)";

constexpr Section lines_and_names{
    "LINES AND NAMES",
    R"(One command a line. '#' starts a comment, wherever it stands. Words are
separated by blanks or tabs; blank lines mean nothing. A line has at most
65,536 bytes and ends with LF or CRLF; the last line needs no end. Commands
are printable ASCII; comments may hold anything but NUL.

A NAME is made of letters, digits, '_', '.' and '-', at most 64 of them; case
matters, and the words of the language may be names, too. A name stands for
one request and for what comes of it: alloc, array, vec, arc and clone make a
new one. It can be made again when its request has ended (freed, cancelled,
refused or closed). To make it while it lives or waits is an error of the
script, and so is any use of a name that was never made. Of the names that
were freed or cancelled, the latest 4,096 are remembered, so that 'expect NAME
freed' can still be asked.

To free a name twice is an error. But a request that is refused, cancelled or
closed is no error of the script: the steps that follow for its name, its free
included, are skipped, and the transcript says so.
)"};

constexpr Section sizes{
    "SIZES",
    R"(A number is decimal, with K, M or G behind it for multiples of 1024, 1024^2
and 1024^3: 600, 4K, 1M. No sign, no fraction, no hexadecimal; it must fit in
64 bits.

What a request takes from the region, whose size is rounded down to a multiple
of 8: one header word of 8 bytes before the payload; both together are rounded
up to a multiple of 8, and to 16 at least. So 'alloc a 600' takes 608 bytes,
and 'alloc z 0' takes 16. Offsets are those of the payload, from the start of
the region. A payload that 'alloc' asks for is aligned to 16, as C++ aligns
what names no alignment; 'heap SIZE align=8' sets another for the whole
script, 'alloc NAME SIZE align=64' for one block. The bytes skipped for that
stay free: the first block of an empty region is granted at 16, with align=8
at 8. 'array' and 'vec' are aligned to 8 and take 8 bytes an element and
nothing for their count; 'arc' takes 16, for its value and its count. The
bookkeeping of the heap itself is kept outside of the region.
)"};

constexpr Section held_steps{
    "WAITING NAMES, TASKS AND POLL",
    R"(Each name is a little task of its own. While its request waits, the script
goes on; the steps on that name are held, and are run in their order once the
name has its memory. If the last step that is held is its free, a new request
of the same name may follow, and is held as well. 'cancel' and 'expect' are
never held: they see the request as it is.

A waiting request is granted inside the step that makes it possible: a free, a
resize, a cancel, an unlock, a poll. The memory is reserved for it from then
on, and its state is granted. Its task goes on at the next poll, takes the
memory and runs the steps that were held: at a 'poll' command, or, with 'heap
... poll=auto', after every step. If no step is held for it, the next step on
its name will do as well.

Requests are granted in the order of their arrival. While anybody waits, a new
request waits behind them even if it would fit, and 'alloc ... try' is
refused. Only the guard goes past the queue: between 'lock' and 'unlock',
'alloc ... guard' takes memory at once or is refused, other requests wait, and
frees are deferred.
)"};

constexpr Section tasks{
    "TASKS",
    R"(A script with tasks has a heap, steps that go before the tasks (they must not
wait), semaphores and mailboxes, and then the tasks:

  heap 2K align=8
  alloc config 56         # before the tasks
  mailbox rx 4            # hands blocks over, in their order
  task driver x2          # driver1 and driver2
    repeat 3              # or: repeat forever
      alloc frame 120     # the task stops until it is granted
      send rx frame       # and here, while the mailbox is full
    end
  end
  isr done                # an interrupt: never waits, strikes at any time
    repeat 6
      receive rx frame    # not before there is one
      free frame
    end
  end
  expect safe             # for 'mneme explore' to check

Names inside of a task are its own. Each task waits for one thing at a time, and
goes on as soon as it has it: there is no 'poll'. A signal is declared by its
first use, and starts at 0; to wait for one that nobody signals is an error.
What a task still holds at its end stays allocated.

'mneme run --schedule=round-robin|random:SEED|FILE' carries out one order of the
steps, beside the model; a FILE holds the names of tasks in the order of their
steps: 'driver1*3 done driver2'. 'mneme explore' carries out all orders, and
'mneme fit' does so on all sizes of the heap. There is no cancel, resize, lock,
array, vec, arc or second heap in tasks yet, and no choice or timeout.
)"};

constexpr Section traces{
    "SEQUENTIAL TRACES AND THE MALLOCLAB FORMAT",
    R"(A trace recorded from a program that never waited is run with poll=auto. On a
heap too small for it, requests wait. What was recorded for a waiting name
(its free, its resize) is held until the name is granted; steps on other names
go on, and their frees grant the waiting ones. So each block still has its
steps in their order, and the trace either completes or ends in a deadlock,
which is explained.

A script that starts with a number, or with one of the steps below, is read as
a malloclab trace: a header of four numbers (heap size, ids, steps, weight), of
two (ids, steps) or of none, and then
  a ID SIZE    allocate
  r ID SIZE    resize; allocate if ID is not live; free if SIZE is 0
  f ID         free; 'f -1' frees nothing
It is run on 'heap 64M poll=auto align=8' unless --heap gives another size;
the ids are the names, without leading zeros. Other counts than those of the
header, a free of an id that is not live and an allocation of one that is are
warned of, and are no errors. 'mneme fmt' turns the trace into a script, as
does 'mneme import', with a heap of the size that it needs.
)"};

constexpr Section transcript{
    "TRANSCRIPT",
    R"(One line for each step: the line number, the command in canonical form, and
what came of it, consequences for others included. A step that was held has
one line when it is held and another when it runs:

  1: heap 1K -> 1024 bytes, blocks aligned to 16
  2: alloc a 600 -> granted at 16
  3: alloc b 600 -> waiting
  4: free b -> held until b is granted
  5: free a -> freed; b granted at 16
  6: poll -> ran b
  4: free b (held) -> freed

It holds names and offsets only, never an address or a time: the same script
gives the same transcript. Two lines of summary follow, and a third with the
names of what was never freed. Canonical form: one blank between words,
options in the order of this page and only where they differ from their
defaults, sizes with the largest unit that divides them (1024 is 1K, 1536 is
1536).
)"};

constexpr Section annotations{
    "RESULTS IN THE SCRIPT",
    R"('mneme run --annotate FILE' prints the script with the result of each step
behind '#>', which is a comment; with --in-place it rewrites the file. So a
script is its own expected transcript:

  heap 1024              #> 1024 bytes, blocks aligned to 16
  alloc a 600            #> granted at 16
  alloc b 600            #> waiting
  alloc newcomer 16 try  #> refused: would wait
  free a                 #> freed; b granted at 16

Lines that begin with '#>' hold what is more than one line: a map, held steps
that ran, an error, and at the end the summary and 'exit N'. 'mneme run --check
FILE' runs the script, prints how the results differ from what stands there, and
exits with 0 if they do not, 1 if they do, and 2 if there are none. They are
compared as a whole and word for word, but for blanks before '#>'.
)"};

constexpr Section ending{
    "END OF THE SCRIPT AND DEADLOCK",
    R"(At the end the driver polls as long as that lets a task go on. Blocks that are
still live then are no error. Requests that still wait can be granted by
nothing: that is a deadlock, and the driver says what the head of the queue
needs, the largest hole, all that is free, and which live blocks would have to
go.

While a script runs, each block is filled with a pattern of its own, which is
checked when the block is freed or moved, and each step is compared with a
simple model of the heap. Any mismatch is corruption, and ends the run.
)"};

constexpr Section exit_codes{"EXIT CODES",
                             R"(  0  all went well
  1  an expectation failed
  2  the script or the command line is wrong: FILE:LINE:COLUMN: error: ..., then
     the line, and a caret below the word that is meant
  3  deadlock: requests wait at the end that nothing can grant; also if the last
     step is an expectation that failed
  4  corruption was found
  5  explore and fit alone: not decided, as a bound was reached before all was
     explored

An imported script ends with 'expect refused 0 waiting 0'. So 0 says that the
recorded program got all it asked for, 1 that a request was refused, 3 that
requests would wait for ever.
)"};

constexpr std::array state_help{
    std::string_view{"in the queue"},
    std::string_view{"it has its memory, whether its task has gone on since or not"},
    std::string_view{"given back with free or drop"},
    std::string_view{"withdrawn with cancel"},
    std::string_view{
        "cannot be met: larger than the heap, or 'try' or 'guard' where it would wait"},
    std::string_view{"ended by close, or made after it"}};
static_assert(state_help.size() == state_words.size());

constexpr std::array key_help{
    std::string_view{"bytes in blocks, headers included; live and deferred ones"},
    std::string_view{"bytes in holes"},
    std::string_view{"bytes in the largest hole"},
    std::string_view{"number of live blocks"},
    std::string_view{"number of waiting requests"},
    std::string_view{"number of blocks freed, but not yet reclaimed"},
    std::string_view{"the most that used has been"},
    std::string_view{"number of requests that were refused so far"}};
static_assert(key_help.size() == key_words.size());

void put_section(std::string& text, const Section& section) {
  text += '\n';
  text += section.title;
  text += '\n';
  text += section.text;
}

/// Appends words, filled up to the last column; every line but the first, which goes on where the
/// text stands, starts with `indent` blanks.
void put_filled(std::string& text, std::string_view words, std::size_t indent) {
  std::size_t column = text.size() - (text.rfind('\n') + 1);
  bool is_first = true;
  while (!words.empty()) {
    const std::string_view word = words.substr(0, words.find(' '));
    if (!is_first && column + 1 + word.size() > columns_max) {
      text += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (!is_first) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    is_first = false;
  }
  text += '\n';
}

/// `  term      help`, the help in a column of its own.
void put_entry(std::string& text, std::string_view term, std::string_view help,
               std::size_t help_column) {
  const std::size_t start = text.size();
  text += "  " + std::string{term};
  text.append(std::max<std::size_t>(2, help_column - std::min(help_column, text.size() - start)),
              ' ');
  put_filled(text, help, help_column);
}

void put_commands(std::string& text) {
  text += "\nCOMMANDS\nIn brackets: optional. A bar separates alternatives.\n";
  for (const Command& command : commands()) {
    text += "\n  " + synopsis(command) + "\n      ";
    put_filled(text, command.help, 6);
    text += "      Example: " + std::string{command.example} + '\n';
  }
}

void put_options(std::string& text) {
  text += "\nOPTIONS\nThey follow the arguments, in any order, each at most once.\n\n";
  for (const Command& command : commands()) {
    for (const Option& option : command.options) {
      std::string term = std::string{command.keyword} + " ... " + std::string{option.word};
      if (!option.value.empty()) term += '=' + std::string{option.value};
      put_entry(text, term, option.help, 30);
    }
  }
}

template <std::size_t count>
void put_words(std::string& text, std::string_view title, std::string_view intro,
               const std::array<std::string_view, count>& words,
               const std::array<std::string_view, count>& help) {
  text += '\n' + std::string{title} + '\n' + std::string{intro};
  for (std::size_t i = 0; i < count; ++i) put_entry(text, words[i], help[i], 14);
}

}  // namespace

std::string language_reference() {
  std::string text = "THE LANGUAGE OF MNEME'S SCRIPTS\n";
  text += introduction;
  put_section(text, lines_and_names);
  put_section(text, sizes);
  put_commands(text);
  put_options(text);
  put_words(text, "STATES", "For 'expect NAME STATE'.\n\n", state_words, state_help);
  put_words(text, "KEYS", "For 'expect KEY NUMBER', and in the output of stat.\n\n", key_words,
            key_help);
  put_section(text, held_steps);
  put_section(text, tasks);
  put_section(text, traces);
  put_section(text, transcript);
  put_section(text, annotations);
  put_section(text, ending);
  put_section(text, exit_codes);
  return text;
}

}  // namespace mneme::driver

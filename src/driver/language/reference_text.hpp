// purpose: the sections of the language reference that are no tables.
// layer: language; includes the standard library only.
// threads: constant data.
// invariants: at most 80 columns.
#pragma once

#include <string_view>

namespace mneme::driver::reference {

struct Section {
  std::string_view title;
  std::string_view text;
};

inline constexpr std::string_view introduction =
    R"(A script is a sequence of steps on an asynchronous heap. 'mneme run FILE'
runs it; 'mneme fmt FILE' prints it in canonical form. FILE '-' is standard
input.

  heap 1K                     # a region of 1,024 bytes
  alloc a 600                 # granted at once
  alloc b 600 align=64        # no room: b waits
  free a                      # now b is granted ...
  poll                        # ... and its task runs
  free b
  expect used 0 waiting 0     # exit code 1 if this is not true
)";

inline constexpr Section lines_and_names{
    "LINES AND NAMES",
    R"(Each line holds one command. '#' starts a comment, anywhere in a line. Words
are separated by blanks or tabs; blank lines are ignored. A line has at most
65,536 bytes, and ends with LF or CRLF, which the last line may lack. Commands
are printable ASCII; comments may contain any byte but NUL.

A NAME consists of at most 64 letters, digits, '_', '.' and '-'. Case matters;
the words of the language may be names too. A name stands for one request and
the block that it gets. 'alloc', 'array', 'vec', 'arc' and 'clone' define it.
It may be defined again once its request has ended (freed, cancelled, refused
or closed). To redefine a live or waiting name is an error, and so is any use
of a name that was never defined. The last 4,096 names that were freed or
cancelled are remembered, so that 'expect NAME freed' can check them.

To free a name twice is an error. If a request is refused, cancelled or closed,
that is not an error: the following steps on its name, even its free, are
skipped, and the transcript shows that.
)"};

inline constexpr Section sizes{
    "SIZES",
    R"(Numbers are decimal, without sign or fraction, and must fit in 64 bits. A
suffix K, M or G multiplies by 1024, 1024^2 or 1024^3: 600, 4K, 1M.

The size of the region is rounded down to a multiple of 8. Each block consists
of a header of 8 bytes and the payload. Its size is rounded up to a multiple of
8, and is at least 16: so 'alloc a 600' takes 608 bytes, and 'alloc z 0' takes
16. The offset of a block is that of its payload, from the start of the region.

A payload of 'alloc' is aligned to 16, the default of C++. 'heap SIZE align=8'
sets another alignment for the whole script, 'alloc NAME SIZE align=64' for one
block. Bytes that are skipped for the alignment stay free: in an empty region,
the first payload is at 16, or with align=8 at 8. 'array' and 'vec' are aligned
to 8, and take 8 bytes per element; 'arc' takes 16, for its value and its count.
The heap's own data are not in the region. 'extend' makes the region longer, to
a gigabyte or to twice its first size at most.
)"};

inline constexpr Section raw_heaps{
    "RAW HEAPS",
    R"(A raw heap places the blocks. 'heap SIZE raw=HEAP' names it, and --raw=HEAP on
the command line replaces it:

  bounded      best fit, in a time that does not depend on the number of holes
  first-fit    the lowest hole that is large enough
  best-fit     the smallest such hole; simple and slow, to compare with
  pool:SIZE    blocks of one size: a request of up to SIZE bytes gets a whole
               slot, and a larger one, or one with a larger alignment than the
               heap's, is refused; used and free count slots
  chain:SIZE   two regions, such as banks of memory: that of the heap, and one
               of SIZE bytes behind it, for what the first has no room for. No
               block reaches from one into the other

'extend' makes the region longer, or the second one of a chain; a pool cannot be
extended. 'mneme fit' varies SIZE of the heap, and not that behind the name.
)"};

inline constexpr Section heaps{
    "SEVERAL HEAPS",
    R"(Behind the first heap others can be declared, before the tasks if there are any:

  heap 16K
  heap dma 2K raw=pool:512 align=64
  alloc frame 500 in dma        # the first heap is meant without 'in'
  free frame                    # its name says in which heap it is
  expect used 0 in dma

Each has its own region, raw heap, queue and alignment; 'poll' is for all. The
names of blocks are those of the script: in a task a name belongs to one heap.
'expect queue' checks the queue of the heap of its first name. --heap, --raw and
--queue are about the first heap, as are the sizes of 'mneme fit'; 'explore' and
'fit' take another one by --heap-name=NAME. Offsets count from the start of a
heap's own region.
)"};

inline constexpr Section queues{
    "QUEUES",
    R"(Waiting requests are granted in the order of a policy. 'heap SIZE queue=POLICY'
names it, and --queue=POLICY on the command line replaces it:

  fifo           in order of arrival
  overtaking:N   the oldest that fits, of those that may pass all older ones: a
                 waiter is passed N times at most, and no more than 16 waiters
                 behind the head are looked at
  priority:N     N levels, at most 8: the oldest of the highest level, and no
                 other. 'alloc NAME SIZE priority=2' gives the level; 0 is the
                 lowest, and that of all others
  holders-first  the oldest of a task that holds memory, before all others. In a
                 task that is seen by its names that hold a block; in a script
                 without tasks 'alloc NAME SIZE holding' marks such a
                 request
)"};

inline constexpr Section held_steps{
    "WAITING NAMES, TASKS AND POLL",
    R"(Each name is a small task of its own. While its request waits, the script goes
on; later steps on that name are held, and run in order once the name has its
memory. If the last held step is its free, a new request of the same name may
follow, and is held too. 'cancel' and 'expect' are never held: they act on the
request as it is.

A waiting request is granted by the step that makes room for it: a free, a
resize, a cancel, an unlock or a poll. From then on its state is granted, and
the memory is reserved for it. Its task continues at the next poll: it takes
the memory, and runs the held steps. That is at the next 'poll' command or,
with 'heap ... poll=auto', after every step. If no step is held, the next step
on its name makes it continue as well.

Requests are granted in order of arrival (but see QUEUES). While any request
waits, a new one waits behind it even if it would fit, and 'alloc ... try' is
refused. Only the guard bypasses the queue: between 'lock' and 'unlock',
'alloc ... guard' gets memory at once or is refused, other requests wait, and
frees are deferred.
)"};

inline constexpr Section tasks{
    "TASKS",
    R"(A script with tasks has a heap, steps that run before the tasks and must not
wait, semaphores and mailboxes, and then the tasks:

  heap 2K align=8
  alloc config 56         # before the tasks
  mailbox rx 4            # passes blocks on, in order
  task driver x2          # driver1 and driver2
    repeat 3              # or: repeat forever
      alloc frame 120     # the task waits here until it is granted
      send rx frame       # and here while the mailbox is full
    end
  end
  isr done                # an interrupt: never waits, runs at any time
    repeat 6
      receive rx frame    # it does not run before there is one
      free frame
    end
  end
  expect safe             # for 'mneme explore' to check

The names in a task are local to it. A task waits for one thing at a time, and
continues as soon as it has that: there is no 'poll'. A signal is declared by
its first use, and starts at 0; to wait for one that no task signals is an
error. Blocks that a task has not freed at its end stay allocated.

A step can be a choice, and a wait can be given up:

  alloc a 64|128|512      # one of these sizes
  alloc b 600 timeout     # may be given up at any moment: then b holds nothing
  choose                  # one of these blocks of steps, also an empty one
    free a
  or
    yield
  end
  atomic                  # no other task runs in between, unless this one waits
    alloc c 16
    signal ready
  end

A name that may hold no block can be freed and resized, but not sent. What
'array', 'vec' and 'arc' made can be freed and sent too; 'push' and 'clone' are
steps of tasks. A task that is no isr can 'extend' the heap, but not in 'repeat
forever'. Each request must fit into the heap as it is at first.

A task that is no isr can also 'resize' what its own 'alloc' made. In place, or
if a new block is granted at once, that is one step. Otherwise the task waits
and keeps the old block, behind requests with the priority of that 'alloc'; the
move into the new block, which frees the old one, is then a step of its own.

'mneme run --schedule=round-robin|random:SEED|FILE' carries out one order of the
steps, beside the model, choices drawn by the seed; a FILE holds the names of
tasks in the order of their steps: 'driver1*3 done driver2/2', where driver2
makes its second choice. 'mneme explore' carries out all orders and choices, and
'mneme fit' does so on all sizes of the heap; 'explore --walks=N' takes random
ones where there are too many.
)"};

inline constexpr Section locks_in_tasks{"THE LOCK IN TASKS",
                                        R"(A task that is no isr can 'lock' a heap and 'unlock' it:

  lock                # waits in the queue, behind all older requests
  alloc c 24 guard    # at once, or refused
  free b              # deferred until the unlock, as are the frees of others
  unlock              # reclaims, and grants what waits

Meanwhile requests wait and 'alloc NAME SIZE try' is refused. The lock is
granted even if there is no room for memory. A task that waits while it has the
lock, for memory or for another task that does, stops all others for ever;
'mneme explore' finds that. A task locks a heap once at a time, and not in only
some branches of a 'choose'. A lock that is never released stays locked. In a
transcript, NAME.lock is the request of task NAME for it.
)"};

inline constexpr Section traces{
    "SEQUENTIAL TRACES AND THE MALLOCLAB FORMAT",
    R"(A trace that was recorded from a program is run with poll=auto. The program
never waited for memory, but on a heap that is too small, its requests do. The
steps on a waiting name (its free, its resize) are held until it is granted;
steps on other names go on, and their frees make room for those that wait. So
the steps on each block keep their order, and the trace either completes or ends
in a deadlock, which the driver explains.

A script that starts with a number, or with one of the steps below, is read as
a malloclab trace: a header of four numbers (heap size, ids, steps, weight), of
two (ids, steps) or of none, and then
  a ID SIZE    allocate
  r ID SIZE    resize; allocate if ID is not live; free if SIZE is 0
  f ID         free; 'f -1' frees nothing
It runs on 'heap 64M poll=auto align=8' unless --heap gives another size. The
names are the ids without leading zeros. If the counts differ from those of the
header, an id is freed that is not live, or one is allocated that is, there is a
warning, not an error. 'mneme fmt' turns such a trace into a script; so does
'mneme import', with a heap of the size that it needs.
)"};

inline constexpr Section transcript{
    "TRANSCRIPT",
    R"(Each step has one line: its line number, the command in canonical form, and its
result, with its effects on other names. A held step has one line when it is
held, and another when it runs:

  1: heap 1K -> 1024 bytes, blocks aligned to 16
  2: alloc a 600 -> granted at 16
  3: alloc b 600 -> waiting
  4: free b -> held until b is granted
  5: free a -> freed; b granted at 16
  6: poll -> ran b
  4: free b (held) -> freed

A transcript contains names and offsets, but no addresses or times: the same
script always gives the same transcript. A summary of two lines follows, and a
third line with the names of blocks that were never freed. In canonical form
there is one blank between words; options are in the order of this page, and
left out where they have their defaults; sizes have the largest unit that
divides them (1024 is 1K, 1536 is 1536).
)"};

inline constexpr Section annotations{
    "RESULTS IN THE SCRIPT",
    R"('mneme run --annotate FILE' prints the script with the result of each step in a
comment that starts with '#>'; with --in-place it rewrites the file. So a script
can contain its own expected results:

  heap 1024              #> 1024 bytes, blocks aligned to 16
  alloc a 600            #> granted at 16
  alloc b 600            #> waiting
  alloc newcomer 16 try  #> refused: would wait
  free a                 #> freed; b granted at 16

Results of more than one line follow as lines that start with '#>': a map, held
steps that ran, an error, and at the end the summary and 'exit N'. 'mneme run
--check FILE' runs the script, and prints where its results differ from these
comments. It exits with 0 if there is no difference, 1 if there is one, and 2 if
there are no such comments. All results are compared word for word; only blanks
before '#>' do not matter.
)"};

inline constexpr Section ending{
    "END OF THE SCRIPT AND DEADLOCK",
    R"(At the end the driver polls until no task can continue. Blocks that are still
live then are not an error. If requests still wait, nothing can grant them: that
is a deadlock. The driver prints what the first request in the queue needs, the
largest hole, the number of free bytes, and which live blocks would have to be
freed.

While a script runs, each block is filled with a pattern of its own, which is
checked when the block is freed or moved, and each step is compared with a
simple model of the heap. Any mismatch is corruption, and ends the run.
)"};

inline constexpr Section exit_codes{"EXIT CODES",
                                    R"(  0  success
  1  an expectation failed
  2  the script or the command line is wrong. The message is FILE:LINE:COLUMN:
     error: ..., then the line, and a caret below the wrong word
  3  deadlock: requests still wait at the end, even if the last step was an
     expectation that failed
  4  corruption was found
  5  only from explore and fit: not decided, as a limit was reached first

An imported script ends with 'expect refused 0 waiting 0'. So 0 means that the
recorded program got all the memory that it requested, 1 that a request was
refused, and 3 that a request would wait for ever.
)"};

}  // namespace mneme::driver::reference

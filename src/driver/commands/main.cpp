// purpose: the program mneme. All else is in the library that the tests link, too.
// layer: commands; includes command_line.
// threads: one.
// invariants: see command_line.hpp.
#include "command_line.hpp"

int main(int argc, char** argv) { return mneme::driver::command_line(argc, argv); }

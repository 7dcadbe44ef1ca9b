// The commands, one file each: every function adds one to the command line. Read on:
// ../command_line.hpp.
#pragma once

#include "client/shell/command_line.hpp"

namespace sluice::shell {

void add_ls(CommandLine& line);
void add_stat(CommandLine& line);
void add_cat(CommandLine& line);
void add_mkdir(CommandLine& line);
void add_rm(CommandLine& line);
void add_mv(CommandLine& line);
void add_cp(CommandLine& line);
void add_put(CommandLine& line);
void add_get(CommandLine& line);
void add_sync(CommandLine& line);
void add_verify(CommandLine& line);
void add_lock(CommandLine& line);
void add_renew(CommandLine& line);
void add_upgrade(CommandLine& line);
void add_downgrade(CommandLine& line);
void add_unlock(CommandLine& line);
void add_lock_break(CommandLine& line);
void add_locks(CommandLine& line);
void add_watch(CommandLine& line);
void add_ping(CommandLine& line);
void add_servers(CommandLine& line);
void add_version(CommandLine& line);
void add_help(CommandLine& line);
void add_complete(CommandLine& line);

// Of the shell alone.
void add_cd(CommandLine& line);
void add_pwd(CommandLine& line);
void add_lcd(CommandLine& line);
void add_lls(CommandLine& line);
void add_exit(CommandLine& line);
void add_quit(CommandLine& line);

/// All those that can be run from the command line of the system.
void add_commands(CommandLine& line);
/// All those that can be typed in the shell.
void add_shell_commands(CommandLine& line);

}  // namespace sluice::shell

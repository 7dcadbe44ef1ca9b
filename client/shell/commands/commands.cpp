// Which commands there are: see commands.hpp.
#include "client/shell/commands/commands.hpp"

namespace sluice::shell {

void add_commands(CommandLine& line) {
  for (auto add :
       {add_ls,    add_stat,    add_cat,       add_mkdir,   add_rm,         add_mv,
        add_cp,    add_put,     add_get,       add_sync,    add_verify,     add_lock,
        add_renew, add_upgrade, add_downgrade, add_unlock,  add_lock_break, add_locks,
        add_watch, add_ping,    add_servers,   add_version, add_help,       add_complete})
    add(line);
}

void add_shell_commands(CommandLine& line) {
  for (auto add : {add_ls,        add_stat,    add_cat,        add_mkdir, add_rm,     add_mv,
                   add_cp,        add_put,     add_get,        add_sync,  add_verify, add_cd,
                   add_pwd,       add_lcd,     add_lls,        add_lock,  add_renew,  add_upgrade,
                   add_downgrade, add_unlock,  add_lock_break, add_locks, add_watch,  add_ping,
                   add_servers,   add_version, add_help,       add_exit,  add_quit})
    add(line);
}

}  // namespace sluice::shell

# fish completion of sluice. What can stand where is asked from `sluice __complete`; fish itself puts
# quoting on.
function __sluice_complete
    set -l typed (commandline -opc)
    set -l current (commandline -ct)
    # The quote or backslash that is open at the cursor is closed to take quoting off.
    set -l word ''
    for end in '' "'" '"' '\\'
        if set word (string unescape -- "$current$end" 2>/dev/null)
            break
        end
    end
    set -l program $typed[1]
    set -e typed[1]
    set -l lines ($program __complete -- $typed "$word" 2>/dev/null </dev/null)
    switch "$lines[1]"
        case :local
            complete -C "'' $current"
        case :command
            set -e typed[1..(contains -i -- -- $typed)]
            complete -C (string join ' ' -- (string escape -- $typed) "$current")
        case '*'
            string join \n -- $lines
    end
end

complete -c sluice -f -a '(__sluice_complete)'

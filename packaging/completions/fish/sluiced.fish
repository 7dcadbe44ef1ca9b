# fish completion of sluiced.
complete -c sluiced -f
complete -c sluiced -l root -x -a '(__fish_complete_directories)' -d 'The directory to serve'
complete -c sluiced -l listen -x -d 'Endpoint for clients'
complete -c sluiced -l workers-listen -x -d 'Endpoint for worker processes'
complete -c sluiced -l threads -x -d 'Worker threads in this process'
complete -c sluiced -l lease -x -d 'Seconds that a session outlives its silence'
complete -c sluiced -l lock-durability -x -a 'full relaxed' -d 'Which grants wait for the disk'
complete -c sluiced -l forget-locks -d 'Start although the lock journal is damaged'
complete -c sluiced -l durability -x -a 'full relaxed' -d 'What survives a power loss'
complete -c sluiced -l config -r -F -d 'A file with these options'
complete -c sluiced -l version -d 'Print the version and exit'
complete -c sluiced -s h -l help -d 'Print help and exit'
